/** The end of every checkpoint: the archive under its name, with what is said of it behind. */
import { dirname, join } from 'node:path/posix';
import type { Host } from '../../host/host.ts';
import type { Container } from '../model/container.ts';
import { append, contentOf, membersOf } from './archive.ts';
import type { CheckpointOptions } from './checkpoint.ts';
import { type Checkpoint, checkpointFormat, documentName, signatureName } from './document.ts';
import { groundOf } from './facts.ts';

export interface Making extends CheckpointOptions {
  /** A directory of our own beside the output. */
  readonly work: string;
}

/** What is made in it first. */
export const archiveIn = (work: string): string => join(work, 'archive.tar');

/** The archive under its name, with what is said of it behind. @param more files in `work` that go there, too */
export async function finish(
  host: Host,
  container: Container,
  { work, output, leaveRunning, hostName, version, now, sign }: Making,
  told: Partial<Checkpoint>,
  more: readonly string[],
  signal: AbortSignal,
): Promise<Checkpoint> {
  const archive = archiveIn(work);
  const document: Checkpoint = {
    format: checkpointFormat,
    createdAt: now.toISOString(),
    host: hostName,
    version,
    ...(await groundOf(host, signal)),
    container,
    leftRunning: leaveRunning,
    content: await contentOf(archive, signal),
    members: [...(await membersOf(host, archive, signal))],
    ...told,
  };
  const bytes = Buffer.from(`${JSON.stringify(document)}\n`);
  await host.write(join(work, documentName), bytes, {}, signal);
  if (sign !== undefined) await host.write(join(work, signatureName), Buffer.from(sign(bytes)), {}, signal);
  await append(host, archive, work, [documentName, ...(sign === undefined ? [] : [signatureName]), ...more], signal);
  await host.run(['chmod', '600', '--', archive], {}, signal);
  await host.run(['sync', '--', archive], { timeoutMs: 600_000 }, signal);
  // A link is made where nothing is, and a rename would replace what somebody put there meanwhile.
  await host.run(['ln', '--', archive, output], {}, signal);
  // The name of the only copy of a container that has ended.
  await host.run(['sync', '--', dirname(output)], { timeoutMs: 600_000 }, signal);
  return document;
}
