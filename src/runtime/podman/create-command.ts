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
  '--preserve-fds',
  '--preserve-fd',
  '--pull',
]);
/** Those without a value. `create` knows some of them not at all. */
const bare = new Set(['--detach', '--replace', '--rm', '--rmi', '--sig-proxy']);

/** Before the verb: they change nothing of the container. */
const harmless = /^(?:container|--log-level=.*)$/;

/**
 * @param name of the other one
 * @param pod that it is to be in
 * @returns nothing where nobody knows how it was made: by podman's interface, or so that it does not show where its options end, or by what
 *   may be another thing now: a path that is not whole, a variable of the one who called it
 */
export function createCommand({ definedBy, image, process }: Container, name: string, pod?: string): Argv | undefined {
  const command = definedBy.find(({ kind }) => kind === 'command')?.command ?? [];
  const verb = command.findIndex((word) => word === 'run' || word === 'create');
  const at = imageIn(command, process?.args ?? [], image?.reference ?? '');
  if (verb < 1 || at === undefined || at <= verb || image?.id === undefined) return undefined;
  if (!command.slice(1, verb).every((word) => harmless.test(word))) return undefined;
  const options = optionsOf(command.slice(verb + 1, at));
  if (options === undefined) return undefined;
  const own = [`--name=${name}`, ...(pod === undefined ? [] : [`--pod=${pod}`]), '--pull=never'];
  // By its id: the name may be another image's by now.
  return ['podman', 'create', ...own, ...options, image.id, ...command.slice(at + 1)];
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

/** What is taken from where podman was called. */
const fromCaller: Readonly<Record<string, (value: string) => boolean>> = {
  '-e': (value) => !value.includes('='),
  '--env': (value) => !value.includes('='),
  '--env-file': isRelative,
  '-v': isRelative,
  '--volume': isRelative,
  '--mount': (value) => /(?:^|,)(?:src|source)=(?!\/)[^,]*\//.test(value),
};

/** A name without a slash is that of a volume. */
function isRelative(value: string): boolean {
  const [source = ''] = value.split(':', 1);
  return /^\.{1,2}$/.test(source) || (source.includes('/') && !source.startsWith('/'));
}

/** Those without the ones of that run; nothing where one is taken from where podman was called. */
function optionsOf(words: readonly string[]): readonly string[] | undefined {
  const kept: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    const { option, value } = parted(word, words[index + 1]);
    if (fromCaller[option]?.(value) === true) return undefined;
    if (valued.has(option)) index += word === option ? 1 : 0;
    else if (word.startsWith('--')) kept.push(...(bare.has(option) ? [] : [word]));
    else kept.push(...attached(word));
  }
  return kept;
}

/** An option and its value: behind `=`, behind the letter, or the next word. */
function parted(word: string, next = ''): { readonly option: string; readonly value: string } {
  const [, long, given] = /^(--[^=]+)(?:=(.*))?$/s.exec(word) ?? [];
  if (long !== undefined) return { option: long, value: given ?? next };
  const [, letter, rest = ''] = /^-[ditPq]*([a-z])(.*)$/s.exec(word) ?? [];
  return letter === undefined ? { option: '', value: '' } : { option: `-${letter}`, value: rest === '' ? next : rest };
}

/** Short options in one word: those without a value stand first. It is not detached from what never runs. */
function attached(word: string): readonly string[] {
  const [, flags, rest = ''] = /^-([ditPq]*)(.*)$/s.exec(word) ?? [];
  if (flags === undefined || word === '-') return [word];
  const left = `-${flags.replace('d', '')}${rest}`;
  return left === '-' ? [] : [left];
}
