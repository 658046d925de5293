/** The command that made a container, as one that makes another like it and does not start it. */
import type { Argv } from '../../host/host.ts';
import type { Container } from '../model/container.ts';

/** Options of `podman run` that have a value and are of that one run: its name, its pod, files that it wrote. */
const valued = new Set([
  '--name',
  '--pod',
  '--pod-id-file',
  '--cidfile',
  '--conmon-pidfile',
  '--pidfile',
  '--detach-keys',
]);
/** Those without a value. `create` knows some of them not at all. */
const bare = new Set(['--detach', '--replace', '--rm', '--sig-proxy']);

/**
 * @param name of the other one
 * @param pod that it is to be in
 * @returns nothing where nobody knows how it was made: by podman's interface, or so that it does not show where its options end
 */
export function createCommand({ definedBy, image, process }: Container, name: string, pod?: string): Argv | undefined {
  const command = definedBy.find(({ kind }) => kind === 'command')?.command ?? [];
  const verb = command.findIndex((word) => word === 'run' || word === 'create');
  const at = imageIn(command, process?.args ?? [], image?.reference ?? '');
  if (verb < 1 || at === undefined || at <= verb) return undefined;
  const own = [`--name=${name}`, ...(pod === undefined ? [] : [`--pod=${pod}`])];
  return ['podman', 'create', ...own, ...optionsOf(command.slice(verb + 1, at)), ...command.slice(at)];
}

/** Where the image is named: behind it only the program can stand, with which what it runs ends. */
function imageIn(command: readonly string[], args: readonly string[], reference: string): number | undefined {
  const isIt = (index: number): boolean => {
    const word = command[index] ?? '';
    return word !== '' && (reference === word || reference.endsWith(`/${word}`) || isTagged(reference, word));
  };
  let same = 0;
  while (same < args.length && command.at(-1 - same) === args.at(-1 - same)) same++;
  // What was not given comes out of the image, so that the image is the last word.
  for (const index of [command.length - 1 - same, command.length - 1]) if (isIt(index)) return index;
  return undefined;
}

function isTagged(reference: string, word: string): boolean {
  const tagged = `${word}:latest`;
  return reference === tagged || reference.endsWith(`/${tagged}`);
}

function optionsOf(words: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    const [option = ''] = word.split('=', 1);
    if (valued.has(option)) index += word === option ? 1 : 0;
    else if (/^-[dit]+$/.test(word)) kept.push(...(word === '-d' ? [] : [word.replace('d', '')]));
    else if (!bare.has(option)) kept.push(word);
  }
  return kept;
}
