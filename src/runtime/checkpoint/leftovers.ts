/** Directories beside the file of a checkpoint that a killed lifeboat has left, with what it was at. */
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path/posix';
import type { Host } from '../../host/host.ts';
import { signalIfThere } from '../../criu/processes.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { sleep } from '../../kernel/wait.ts';
import type { Container } from '../model/container.ts';
import { type Intent, intentName, parseIntent, restoreBegun } from './document.ts';
import { unmountBelow } from './residues.ts';
import { isAtWork } from './worker.ts';

/** Links to these directories: by them, a command finds what is left of a container beside whichever file. */
const pointers = '/run/lifeboat/begun';

const pollMs = 100;
/** So long a CRIU may go on whose runtime is gone. */
const endingMs = 5_000;

export interface Leftover {
  readonly work: string;
  readonly intent: Intent;
}

/** Those of a file, whether it is there itself or not. */
export async function leftoversOf(host: Host, file: string, signal: AbortSignal): Promise<readonly Leftover[]> {
  const slash = file.lastIndexOf('/');
  const [directory, name] = [file.slice(0, slash) || '/', file.slice(slash + 1)];
  // Root's own, and closed to all others: what is in it runs as root.
  const ours = ['-type', 'd', '-uid', '0', '-perm', '700', '-name', `${escaped(name)}.????????`] as const;
  const argv = ['find', '-P', directory, '-mindepth', '1', '-maxdepth', '1', ...ours, '-print0'] as const;
  const { stdout } = await host.run(argv, { okCodes: [0, 1] }, signal);
  const found: Leftover[] = [];
  for (const work of stdout.toString().split('\0').slice(0, -1).sort()) {
    const path = join(work, intentName);
    const { code } = await host.run(['test', '-f', path], { okCodes: [0, 1] }, signal);
    if (code === 0) found.push({ work, intent: parseIntent(await host.read(path, {}, signal), path) });
  }
  return found;
}

/** Those of a container, in whichever directory: as long as the system has not been started anew, after which no container of before runs. */
export async function leftoversOfContainer(
  host: Host,
  { id, name, runtime }: Pick<Container, 'id' | 'name' | 'runtime'>,
  signal: AbortSignal,
): Promise<readonly Leftover[]> {
  const argv = [
    'find',
    '-P',
    pointers,
    '-mindepth',
    '1',
    '-maxdepth',
    '1',
    '-type',
    'l',
    '-printf',
    '%p\\t%l\\0',
  ] as const;
  const { stdout } = await host.run(argv, { okCodes: [0, 1] }, signal);
  const found: Leftover[] = [];
  for (const link of stdout.toString().split('\0').slice(0, -1).sort()) {
    const [pointer = '', work = ''] = link.split('\t');
    const path = join(work, intentName);
    const { code } = await host.run(['test', '-f', path], { okCodes: [0, 1] }, signal);
    if (code !== 0) {
      await host.run(['rm', '-f', '--', pointer], {}, signal);
      continue;
    }
    const intent = parseIntent(await host.read(path, {}, signal), path);
    const making = intent.format === restoreBegun ? intent.making : undefined;
    const one = intent.format === restoreBegun ? making?.container : intent.container;
    // One that is made anew has another id.
    const isAnew = making?.withoutMemory === true && (making.name ?? one?.name) === name && one?.runtime === runtime;
    if (one?.id === id || isAnew) found.push({ work, intent });
  }
  return found;
}

/** Says in the directory what is being done there, so that it outlives whoever does it. */
export async function noteIntent(host: Host, work: string, intent: Intent, signal: AbortSignal): Promise<void> {
  await host.run(['mkdir', '-p', '--', join(work, 'lifeboat')], {}, signal);
  await host.write(join(work, intentName), Buffer.from(JSON.stringify(intent)), {}, signal);
  await host.run(['mkdir', '-p', '-m', '700', '--', dirname(pointers), pointers], {}, signal);
  await host.run(['ln', '-sfn', '--', work, pointerTo(work)], {}, signal);
}

/** Where the directories of the files of one name may lie apart. */
function pointerTo(work: string): string {
  return join(pointers, createHash('sha256').update(work).digest('hex').slice(0, 32));
}

/** Characters that `find` would take for patterns. */
function escaped(name: string): string {
  return name.replace(/[[\]*?\\]/g, '\\$&');
}

/**
 * @param ending whether a CRIU that nobody waits for any more is ended: of a restore it may stand still for ever with what it has half made
 * @throws LifeboatError `locked` where its lifeboat, a runtime or CRIU is at it still
 */
export async function refuseWhileAtWork(
  host: Host,
  { work, intent }: Leftover,
  ending: boolean,
  signal: AbortSignal,
): Promise<void> {
  const own = intent.by !== undefined && (await isAtWork(intent.by)) ? [intent.by.pid] : [];
  const { named, criu } =
    ending && own.length === 0 ? await withoutCriu(host, work, signal) : await usersOf(host, work, signal);
  const [pid] = [...own, ...named, ...criu];
  if (pid === undefined) return;
  throw new LifeboatError('locked', `somebody is at ${work} still: process ${pid}`, {
    hint: 'Wait until it has ended, and give the same command again.',
  });
}

/**
 * Waits for CRIUs at work in a directory for which nobody waits any more. What they had begun may come to its end by itself; they are ended where it does
 * not.
 *
 * @returns who is there then
 */
export async function withoutCriu(host: Host, work: string, signal: AbortSignal): Promise<Users> {
  let there = await usersOf(host, work, signal);
  for (let leftMs = 2 * endingMs; leftMs > 0; leftMs -= pollMs) {
    if (there.named.length > 0 || there.criu.length === 0) break;
    if (leftMs <= endingMs) for (const pid of there.criu) signalIfThere(pid, 'SIGKILL');
    await sleep(pollMs, signal);
    there = await usersOf(host, work, signal);
  }
  return there;
}

interface Users {
  readonly named: readonly number[];
  readonly criu: readonly number[];
}

/** Processes that were given something in this directory, and CRIUs that have something open there. */
async function usersOf(host: Host, work: string, signal: AbortSignal): Promise<Users> {
  // As a pattern that is not itself what it looks for.
  const pattern = `[/]${work.slice(1).replace(/[.[\]*^$\\]/g, '\\$&')}`;
  const open = `[/]${escaped(work.slice(1))}`;
  const { stdout } = await host.run(['sh', '-c', users, 'sh', pattern, open], { okCodes: [0, 1] }, signal);
  const lines = stdout.toString().split('\n');
  const pids = (kind: string): readonly number[] =>
    lines.flatMap((line) => {
      const [, pid] = new RegExp(`^${kind} /proc/(\\d+)/`).exec(line) ?? [];
      return pid === undefined ? [] : [Number(pid)];
    });
  return { named: pids('named'), criu: pids('criu') };
}

const users = `grep -lse "$1" /proc/[0-9]*/cmdline | while read -r f; do
  c=$(tr '\\0' ' ' <"$f" 2>/dev/null); case "\${c%% *}" in criu|*/criu) echo "criu $f" ;; *) echo "named $f" ;; esac
done
find /proc/[0-9]*/fd -maxdepth 1 \\( -lname "$2" -o -lname "$2/*" \\) -printf '%h\\n' 2>/dev/null | sort -u | while read -r d; do
  case "$(tr '\\0' ' ' <"\${d%/fd}/cmdline" 2>/dev/null)" in criu\\ swrk*|*/criu\\ swrk*) echo "criu $d" ;; esac
done; :`;

/**
 * With what is in it. What was killed may have left the hierarchies of cgroups or the root of the container mounted there, and those are not ours to
 * remove.
 *
 * @throws LifeboatError `failed` where something stays mounted there: nothing was removed
 */
export async function discard(host: Host, work: string): Promise<void> {
  const { signal } = new AbortController();
  await unmountBelow(host, work);
  await host.run(['rm', '-rf', '--one-file-system', '--', work], {}, signal);
  await host.run(['rm', '-f', '--', pointerTo(work)], {}, signal);
}
