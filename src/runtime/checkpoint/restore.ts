/** A container out of the file of a checkpoint. What is missing here is found before anything is made. */
import { join } from 'node:path/posix';
import type { Host } from '../../host/host.ts';
import { checkTrusted } from '../../host/trusted.ts';
import { asLifeboatError, LifeboatError } from '../../kernel/errors.ts';
import { present } from '../../kernel/present.ts';
import { sleep } from '../../kernel/wait.ts';
import { captureContainers } from '../capture.ts';
import type { Copies, Lifecycle, Tcp } from '../lifecycle.ts';
import type { Container } from '../model/container.ts';
import { membersOf } from './archive.ts';
import { type Checkpoint, restoreBegun, type RestoreIntent } from './document.ts';
import { look, take, unpack } from './intake.ts';
import { clearRestore, isCheckpoint, isRestore, resumeInterrupted } from './interrupted.ts';
import { discard, leftoversOf, leftoversOfContainer, noteIntent, refuseWhileAtWork } from './leftovers.ts';
import { exportedByPodman, toldBy, unfit } from './told.ts';
import { lifecycleOf } from './verbs.ts';
import { thisProcess } from './worker.ts';

export interface RestoreOptions {
  readonly file: string;
  /** @default the one that it had */
  readonly name?: string;
  /** @default as at the checkpoint */
  readonly tcp?: Tcp;
  /** @default the pod that it was in */
  readonly pod?: string;
  readonly keepVolumes: boolean;
  /** Only looks what is missing. */
  readonly dryRun: boolean;
  /** Nobody signed it, and that is agreed to. */
  readonly unsigned: boolean;
  /**
   * Judges who signed the document.
   *
   * @param signature absent where there is none
   * @throws LifeboatError `untrusted` where nobody vouches for it
   */
  readonly judge: (document: Uint8Array, signature: Uint8Array | undefined, host: string) => void;
}

export interface Restored {
  /** It was what a checkpoint or a restore had left that was interrupted; with what was found. */
  readonly interrupted?: 'restored' | 'it ran on';
  /** It was started from its beginning, or would be: nothing of its memory had been kept. */
  readonly withoutMemory?: true;
  /** What was left of it and is gone now, in words. */
  readonly removed?: readonly string[];
  /** Absent where it was only to look. */
  readonly id?: string;
  readonly container: Container;
  /** Absent of one that lifeboat has not made. */
  readonly checkpoint?: Checkpoint;
}

/**
 * @throws LifeboatError `not-found`, `untrusted`, `archive-damaged`, `archive-unsafe`, `refused` with all that is missing here, `criu-failed`, …: nothing of
 *   the container is here then, and the file is as it was
 */
export async function restoreFromFile(host: Host, options: RestoreOptions, signal: AbortSignal): Promise<Restored> {
  const { file, name, pod, keepVolumes } = options;
  const there = await host.run(['test', '-e', file], { okCodes: [0, 1] }, signal);
  const { done, removed: ofFile } = await clear(host, there.code === 0, options, signal);
  const removed = [...ofFile];
  if (done !== undefined) return done;
  const { code } = await host.run(['test', '-f', file], { okCodes: [0, 1] }, signal);
  if (code !== 0) {
    const also = removed.length === 0 ? '' : `; of a restore that was interrupted were removed: ${removed.join(', ')}`;
    throw new LifeboatError('not-found', `there is no file ${file}${also}`);
  }
  const told = await toldBy(host, options, signal);
  const checkpoint = told?.checkpoint;
  await using stack = new AsyncDisposableStack();
  const work = await privateDirectory(host, file, signal);
  stack.defer(async () => await discard(host, work));
  const intent: RestoreIntent = { format: restoreBegun, by: await thisProcess() };
  await noteIntent(host, work, intent, signal);
  const archive = join(work, 'archive.tar');
  // What podman itself exported says only in its content what it is of; and only to look at it, it is not copied.
  const own = options.dryRun ? file : archive;
  if (told === undefined && !options.dryRun) await take(host, file, undefined, archive, signal);
  const container = checkpoint?.container ?? (await exportedByPodman(host, own, file, signal));
  if (!options.dryRun) {
    for (const leftover of (await leftoversOfContainer(host, container, signal)).filter(isRestore)) {
      removed.push(...(await clearRestore(host, leftover, signal)).removed);
    }
  }
  const tcp = options.tcp ?? checkpoint?.tcp;
  const lifecycle = lifecycleOf(container.runtime);
  const copies = checkpoint?.withoutMemory === true ? copiesOf(container, lifecycle) : undefined;
  const withoutMemory = copies === undefined ? undefined : (true as const);
  // One that is made anew has no id yet by which it could be known.
  const called = copies === undefined ? name : (name ?? container.name);
  const wanted = {
    container,
    members: checkpoint?.members ?? (await membersOf(host, own, signal)),
    keepVolumes,
    ...(called === undefined ? {} : { name: called }),
    ...present({ tcp, pod }),
  };
  const missing = [
    ...(told === undefined ? [] : await unfit(host, told, work, signal)),
    ...(await takenPorts(host, container, signal)),
    ...(await lifecycle.missing(host, wanted, signal)),
  ];
  const [first, ...others] = missing;
  if (first !== undefined) {
    const all = others.length === 0 ? first : [`${missing.length} things speak against it`, ...missing].join('\n');
    throw new LifeboatError('refused', `${name ?? container.name} cannot be restored here: ${all}`, {
      hint: 'Nothing was made.',
    });
  }
  const found = {
    container,
    ...(checkpoint ? { checkpoint } : {}),
    ...present({ withoutMemory }),
    ...(removed.length === 0 ? {} : { removed }),
  };
  if (options.dryRun) {
    if (checkpoint !== undefined) await look(file, checkpoint.content, signal);
    return found;
  }
  if (checkpoint !== undefined)
    refuseOthers(file, checkpoint, await take(host, file, checkpoint.content, archive, signal));
  const isTree = copies !== undefined || lifecycle.takes === 'tree';
  const content = isTree ? join(work, 'tree') : archive;
  if (isTree) await unpack(host, archive, content, signal);
  const before = await lifecycle.before(host, wanted, signal);
  const making = { container, before, ...present({ name: called, withoutMemory }) };
  await noteIntent(host, work, { ...intent, making }, signal);
  const request = { ...wanted, content, work };
  const id =
    copies === undefined ? await lifecycle.restore(host, request, signal) : await copies.make(host, request, signal);
  await refuseEnded(host, container, id, signal);
  return { id, ...found };
}

/** What is done goes by the members that were told. @throws LifeboatError `archive-damaged` where there are others */
function refuseOthers(file: string, { members }: Checkpoint, there: readonly { readonly path: string }[]): void {
  const listed = (all: readonly { readonly path: string }[]): string =>
    JSON.stringify(all.map(({ path }) => path).sort());
  if (listed(members) === listed(there)) return;
  throw new LifeboatError('archive-damaged', `${file} holds other files than it says`, { hint: 'Nothing was made.' });
}

/** @throws LifeboatError `unsupported` for what nobody can start: no lifeboat has made such a file */
function copiesOf({ name, runtime }: Container, { copies }: Lifecycle): Copies {
  if (copies !== undefined) return copies;
  throw new LifeboatError(
    'unsupported',
    `${name} was stopped and copied, and nobody knows how to start one of ${runtime}`,
  );
}

/**
 * What earlier ones have left that were killed.
 *
 * @param isThere whether the file is: without it, what a checkpoint into it has left is all that there is of the container
 * @returns what it made of it, where that is what was asked for; else what was removed, in words
 */
async function clear(
  host: Host,
  isThere: boolean,
  options: RestoreOptions,
  signal: AbortSignal,
): Promise<{ readonly done?: Restored; readonly removed: readonly string[] }> {
  const removed: string[] = [];
  const leftovers = await leftoversOf(host, options.file, signal);
  for (const leftover of options.dryRun ? [] : leftovers.filter(isRestore)) {
    const cleared = await clearRestore(host, leftover, signal);
    removed.push(...cleared.removed);
    const { made } = cleared;
    const { name } = leftover.intent.making ?? {};
    if (made !== undefined && (options.name ?? made.name) === (name ?? made.name)) {
      const { withoutMemory } = cleared;
      const done = {
        id: made.id,
        container: made,
        interrupted: 'restored' as const,
        removed,
        ...present({ withoutMemory }),
      };
      return { done, removed };
    }
  }
  const begun = leftovers.find(isCheckpoint);
  if (begun === undefined) return { removed };
  if (isThere) {
    // Killed when the file was made already: the same file has both names then.
    const same = ['test', options.file, '-ef', join(begun.work, 'archive.tar')] as const;
    const { code } = await host.run(same, { okCodes: [0, 1] }, signal);
    if (code !== 0 || options.dryRun) return { removed };
    await refuseWhileAtWork(host, begun, false, signal);
    await discard(host, begun.work);
    return { removed: [...removed, begun.work] };
  }
  return { done: await resumeInterrupted(host, begun, options, signal), removed };
}

/** Beside the file, where there is room for what is in it; nobody else may read it, or put another in its place. */
async function privateDirectory(host: Host, file: string, signal: AbortSignal): Promise<string> {
  const { stdout } = await host.run(['mktemp', '-d', '--', `${file}.XXXXXXXX`], {}, signal);
  const work = stdout.toString().trimEnd();
  try {
    await checkTrusted(work);
  } catch (thrown) {
    await host.run(['rmdir', '--', work], {}, new AbortController().signal);
    const error = asLifeboatError(thrown);
    const hint = `Copy the file to a directory that only root can write to, or: ${error.hint}`;
    throw new LifeboatError(error.code, `${file} lies where others could replace it: ${error.message}`, { hint });
  }
  return work;
}

/** So long a program that cannot go on with what it finds may take to end. */
const settlingMs = 250;

/** @throws LifeboatError `failed` where it ran on for a moment only: runtimes call that a restore */
async function refuseEnded(host: Host, { name, runtime }: Container, id: string, signal: AbortSignal): Promise<void> {
  await sleep(settlingMs, signal);
  const { containers, gaps } = await captureContainers(host, new Date(), signal, [runtime]);
  const state = containers.find((one) => one.id === id)?.state;
  if (state === 'running' || (state === undefined && gaps.length > 0)) return;
  throw new LifeboatError('failed', `${name} was restored, and has ended since (${state ?? 'it is gone'})`, {
    hint: 'The file is as it was. Its own log may say why: a connection or a file that is not there any more.',
  });
}

/** Ports of the host that the container wants and somebody else has. */
async function takenPorts(host: Host, { ports }: Container, signal: AbortSignal): Promise<readonly string[]> {
  if (ports.length === 0) return [];
  const { stdout } = await host.run(['ss', '-Hltun'], { timeoutMs: 15_000 }, signal);
  const taken = parseListening(stdout.toString());
  return ports
    .filter(({ protocol, outside }) => taken.has(`${protocol} ${outside}`))
    .map(({ protocol, outside }) => `port ${outside} (${protocol}) of this host is taken: "ss -ltunp" says by whom`);
}

/** @param lines of `ss -Hltun` */
export function parseListening(lines: string): ReadonlySet<string> {
  return new Set(
    lines.split('\n').flatMap((line) => {
      const [protocol, , , , local = ''] = line.trim().split(/\s+/);
      const port = /:(\d+)$/.exec(local)?.[1];
      return protocol === undefined || port === undefined ? [] : [`${protocol} ${port}`];
    }),
  );
}
