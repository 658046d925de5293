/** What is restored is read from its file once: into a directory that is nobody else's, while it is hashed. Nothing is used before the hash is known. */
import { createHash } from 'node:crypto';
import { dirname } from 'node:path/posix';
import type { Argv, Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { formatBytes } from '../../kernel/units.ts';
import { type Content, contentOf } from './archive.ts';
import { freeBytes } from './facts.ts';
import { onlyPlain } from './only-plain.ts';

const workMs = 3_600_000;

/**
 * Reads the content of a file as it is wanted.
 *
 * @param content what it has to be; absent: the whole file, of which nobody has said anything
 * @param to is made; what lies there after an error is worth nothing
 * @throws LifeboatError `archive-damaged` where it is something else, `archive-unsafe`, `no-space`, …
 */
export async function take(
  host: Host,
  file: string,
  content: Content | undefined,
  as: 'tree' | 'archive',
  to: string,
  signal: AbortSignal,
): Promise<void> {
  await refuseWithoutRoom(host, file, content, dirname(to), signal);
  if (as === 'archive') {
    const into = ['sh', '-c', 'umask 077; exec cat >"$1"', 'sh', to] as const;
    await pour(host, file, content, into, (chunks) => chunks, signal);
    return;
  }
  await host.run(['mkdir', '--', to], {}, signal);
  const flags = ['--no-same-owner', '--no-overwrite-dir'] as const;
  const into = ['tar', '--extract', ...flags, '--file', '-', '--directory', to] as const;
  await pour(host, file, content, into, (chunks) => onlyPlain(chunks, file), signal);
}

/** Only looks. @throws LifeboatError `archive-damaged` where it is not what was said */
export async function look(host: Host, file: string, content: Content, signal: AbortSignal): Promise<void> {
  const found = await contentOf(host, file, signal, content.bytes);
  if (found.bytes !== content.bytes || found.sha256 !== content.sha256) throw damaged(file);
}

async function refuseWithoutRoom(
  host: Host,
  file: string,
  content: Content | undefined,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const size = content?.bytes ?? Number((await host.run(['stat', '-L', '-c', '%s', '--', file], {}, signal)).stdout);
  const free = await freeBytes(host, directory, signal);
  if (size <= free) return;
  throw new LifeboatError(
    'no-space',
    `a restore of ${file} takes ${formatBytes(size)} beside it, and there are ${formatBytes(free)} free`,
    { hint: 'Free some space there, or copy the file to where there is more.' },
  );
}

async function pour(
  host: Host,
  file: string,
  content: Content | undefined,
  into: Argv,
  pass: (chunks: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const argv =
    content === undefined ? (['cat', '--', file] as const) : (['head', '-c', `${content.bytes}`, '--', file] as const);
  const digest = createHash('sha256');
  let bytes = 0;
  let isWhole = false;
  async function* hashed(): AsyncGenerator<Uint8Array, void, undefined> {
    const running = host.stream(argv, {}, signal);
    for await (const chunk of running.stdout) {
      digest.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
    isWhole = (await running.finished).code === 0;
  }
  await host.run(into, { stdin: pass(hashed()), timeoutMs: workMs }, signal);
  if (!isWhole) throw new LifeboatError('archive-damaged', `${file} cannot be read to its end`);
  if (content === undefined) return;
  if (bytes === content.bytes && digest.digest('hex') === content.sha256) return;
  throw damaged(file);
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
