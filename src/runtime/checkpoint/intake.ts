/**
 * What is restored is read from its file once: into a copy in a directory that is nobody else's. That copy is hashed, looked through and used, and
 * nothing is used before the hash is known.
 */
import { dirname } from 'node:path/posix';
import type { Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { formatBytes } from '../../kernel/units.ts';
import { type Content, hashOf, membersOf } from './archive.ts';
import { freeBytes } from './facts.ts';

const workMs = 3_600_000;

const copying = 'umask 077; if test "$3" = all; then exec cat <"$1" >"$2"; else exec head -c "$3" <"$1" >"$2"; fi';

/**
 * Copies the content of a file.
 *
 * @param content what it has to be; absent: the whole file, of which nobody has said anything
 * @param to is made; what lies there after an error is worth nothing
 * @throws LifeboatError `archive-damaged` where it is something else, `archive-unsafe`, `no-space`, …
 */
export async function take(
  host: Host,
  file: string,
  content: Content | undefined,
  to: string,
  signal: AbortSignal,
): Promise<void> {
  const bytes = content?.bytes ?? Number((await host.run(['stat', '-L', '-c', '%s', '--', file], {}, signal)).stdout);
  await refuseWithoutRoom(host, file, bytes, dirname(to), signal);
  const argv = ['sh', '-c', copying, 'sh', file, to, content === undefined ? 'all' : String(bytes)] as const;
  await host.run(argv, { timeoutMs: workMs }, signal);
  if (content !== undefined && (await hashOf(host, to, undefined, signal)) !== content.sha256) throw damaged(file);
  await membersOf(host, to, signal, file);
}

/** The tree in a copy that was taken, which goes. */
export async function unpack(host: Host, copy: string, to: string, signal: AbortSignal): Promise<void> {
  const { stdout } = await host.run(['stat', '-c', '%s', '--', copy], {}, signal);
  await refuseWithoutRoom(host, copy, Number(stdout), dirname(to), signal);
  await host.run(['mkdir', '--', to], {}, signal);
  const flags = ['--no-same-owner', '--no-overwrite-dir'] as const;
  const argv = ['tar', '--extract', ...flags, '--file', copy, '--directory', to] as const;
  await host.run(argv, { timeoutMs: workMs }, signal);
  await host.run(['rm', '--', copy], {}, signal);
}

/** Only looks. @throws LifeboatError `archive-damaged` where it is not what was said */
export async function look(host: Host, file: string, content: Content, signal: AbortSignal): Promise<void> {
  if ((await hashOf(host, file, content.bytes, signal)) !== content.sha256) throw damaged(file);
}

async function refuseWithoutRoom(
  host: Host,
  file: string,
  bytes: number,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const free = await freeBytes(host, directory, signal);
  if (bytes <= free) return;
  throw new LifeboatError(
    'no-space',
    `a restore of ${file} takes ${formatBytes(bytes)} beside it, and there are ${formatBytes(free)} free`,
    { hint: 'Free some space there, or copy the file to where there is more.' },
  );
}

function damaged(file: string): LifeboatError {
  return new LifeboatError(
    'archive-damaged',
    `${file} is damaged, or was changed while it was read: it is not what was checkpointed`,
    {
      hint: 'Take another copy of it.',
    },
  );
}
