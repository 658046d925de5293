/**
 * What is restored is read from its file once: hashed on its way into a copy in a directory that is nobody else's. The copy is looked through and
 * used, and nothing of it before the hash is known.
 */
import { dirname } from 'node:path/posix';
import type { Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { formatBytes } from '../../kernel/units.ts';
import { type Content, type Member, membersOf, poured } from './archive.ts';
import { freeBytes } from './facts.ts';
import { linkPasses } from './passes.ts';

const workMs = 3_600_000;

/**
 * Copies the content of a file.
 *
 * @param content what it has to be; absent: the whole file, of which nobody has said anything
 * @param to is made; what lies there after an error is worth nothing
 * @returns what is in it
 * @throws LifeboatError `archive-damaged` where it is something else, `archive-unsafe`, `no-space`, …
 */
export async function take(
  host: Host,
  file: string,
  content: Content | undefined,
  to: string,
  signal: AbortSignal,
): Promise<readonly Member[]> {
  const bytes = content?.bytes ?? Number((await host.run(['stat', '-L', '-c', '%s', '--', file], {}, signal)).stdout);
  await refuseWithoutRoom(host, file, bytes, dirname(to), signal);
  const { sha256 } = await poured(file, content?.bytes, to, signal);
  if (content !== undefined && sha256 !== content.sha256) throw damaged(file);
  return await membersOf(host, to, signal, file);
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
  await linkPasses(host, to, signal);
}

/** Only looks. @throws LifeboatError `archive-damaged` where it is not what was said */
export async function look(file: string, content: Content, signal: AbortSignal): Promise<void> {
  if ((await poured(file, content.bytes, undefined, signal)).sha256 !== content.sha256) throw damaged(file);
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
