/** Carries out what a plan for finishing says. Who is killed plans again: what was done is then not in the plan any more. */
import { dirname } from 'node:path/posix';
import { chrootHost } from '../host/chroot.ts';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { nameFromBytes, nameToBytes, printable } from '../kernel/text.ts';
import type { FinishPlan } from './plan.ts';
import { earlierChanges, recordChanges } from './record.ts';
import type { Deed, Finding, FinishCommand, Finished, NewFile, Scene } from './scene.ts';

export interface Finishing {
  readonly host: Host;
  /** Before each deed. */
  readonly say: (deed: Deed) => void;
}

const commandMs = 600_000;

/** @throws LifeboatError of a deed without which the machine does not start */
export async function finish(
  scene: Scene,
  plan: FinishPlan,
  { host, say }: Finishing,
  signal: AbortSignal,
): Promise<Finished> {
  const inside = chrootHost(host, scene.root);
  const findings: Finding[] = [...plan.findings];
  const done: string[] = [];
  const changed = new Set(await earlierChanges(inside, signal));
  const carryOut = async (deed: Deed): Promise<void> => {
    // On record before the first of them is another: a second attempt does not plan what is done.
    if (deed.changes.some((path) => !changed.has(path))) {
      for (const path of deed.changes) changed.add(path);
      await recordChanges(inside, [...changed], signal);
    }
    try {
      for (const file of deed.files) await writeFile(inside, file, signal);
      for (const command of deed.commands) await runCommand(command, host, inside, signal);
    } catch (error) {
      if (deed.otherwise === undefined || isInterrupted(error)) throw error;
      await carryOut(deed.otherwise);
    }
  };
  for (const deed of plan.deeds) {
    say(deed);
    try {
      await carryOut(deed);
      done.push(deed.title);
    } catch (error) {
      if (!(error instanceof LifeboatError) || isInterrupted(error)) throw error;
      if (deed.needed) throw failure(deed, error);
      findings.push({ subject: deed.title, problem: error.message });
    }
  }
  return { done, findings, changed: [...changed].toSorted() };
}

const isInterrupted = (error: unknown): boolean => error instanceof LifeboatError && error.code === 'interrupted';

const failure = ({ title }: Deed, error: LifeboatError): LifeboatError =>
  new LifeboatError(error.code, `${title}: ${error.message}`, {
    hint: error.hint ?? 'The machine would not start by itself. Mend that, and give the same command again.',
    retryable: error.retryable,
    cause: error.cause,
  });

async function runCommand(
  { argv, where, stdin, okCodes, timeoutMs = commandMs }: FinishCommand,
  host: Host,
  inside: Host,
  signal: AbortSignal,
): Promise<void> {
  const options = {
    timeoutMs,
    ...(okCodes === undefined ? {} : { okCodes }),
    ...(stdin === undefined ? {} : { stdin: nameToBytes(stdin) }),
  };
  await (where === 'chroot' ? inside : host).run(argv, options, signal);
}

/** Beside it first, with all that it has but its content; then renamed over it. */
async function writeFile(inside: Host, { path, content, like = path }: NewFile, signal: AbortSignal): Promise<void> {
  if (content === undefined) {
    await inside.run(['rm', '-f', '--', path], {}, signal);
    return;
  }
  const [place = path, model] = [await realPath(inside, path, signal), await realPath(inside, like, signal)];
  const beside = `${place}.lifeboat`;
  await inside.run(['mkdir', '-p', '--', dirname(place)], {}, signal);
  const copy = ['cp', '--attributes-only', '--preserve=all', '--remove-destination', '-T', '--'] as const;
  const bare = ['install', '-m', '644', '--', '/dev/null', beside] as const;
  await inside.run(model === undefined ? bare : [...copy, model, beside], {}, signal);
  const write = ['dd', `of=${beside}`, 'bs=64k', 'oflag=nofollow', 'conv=nocreat,fsync', 'status=none'] as const;
  await inside.run(write, { stdin: nameToBytes(content) }, signal);
  await inside.run(['mv', '-f', '-T', '--', beside, place], {}, signal);
  await inside.run(['sync', '--', dirname(place)], {}, signal);
}

/** What a link leads to is what is read at that place; `undefined` where there is nothing. */
async function realPath(inside: Host, path: string, signal: AbortSignal): Promise<string | undefined> {
  const { code, stdout } = await inside.run(['realpath', '-e', '--', path], { okCodes: [0, 1] }, signal);
  const place = nameFromBytes(stdout).replace(/\n$/, '');
  if (!place.isWellFormed()) throw new LifeboatError('unsupported', printable(`${path} leads to a name in no UTF-8`));
  return code === 0 ? place : undefined;
}
