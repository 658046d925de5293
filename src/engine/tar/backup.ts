/** The host is walked, compared with an earlier point, and what is new goes through tar into one object; then the manifest. */
import { encrypting } from '../../age/age.ts';
import { asLifeboatError, LifeboatError } from '../../kernel/errors.ts';
import { present } from '../../kernel/present.ts';
import { throwIfAborted } from '../../kernel/wait.ts';
import type { BackupJob, BackupResult } from '../engine.ts';
import { compressing } from '../zstd.ts';
import { archiveOf } from './archive.ts';
import { takeBase } from './base.ts';
import { choose } from './choose.ts';
import { Hashing } from './hashing.ts';
import { writeIndex } from './index-files.ts';
import { ManifestWriter } from './manifest.ts';
import { ManifestMerge } from './merge.ts';
import { Findings } from './stderr.ts';
import { keysOf, STORED_FORMAT, type Stored, type StoredObject } from './stored.ts';

const defaultLevel = 3;
/**
 * So long a file may change without a new time of its inode: a page that was written through a mapping takes further writes
 * until the kernel writes it back, which it does after 30 to 35 seconds; and some filesystems count time in steps of two.
 */
const youngSeconds = 60;

export async function backup(job: BackupJob, signal: AbortSignal): Promise<BackupResult> {
  const sealed = job.sealing.recipients.length > 0 ? 'age' : 'none';
  const keys = keysOf(job, sealed);
  const startedSeconds = await clockOf(job, signal);
  const { chosen, excluded, problems, notes } = await choose(job, signal);
  const findings = new Findings();
  const base = await takeBase(job, chosen, (note) => notes.push(note), signal);
  const writer = new ManifestWriter(job.description);
  const merge = new ManifestMerge(writer, chosen, base, startedSeconds - youngSeconds, findings);

  const archive = archiveOf({ job, chosen, problems, merge, findings, notes }, signal);
  const compressed = compressing(archive, job.compressionLevel ?? defaultLevel);
  const storedArchive = await put(job, keys.archive, compressed, signal);

  const counts = { entries: merge.entries, bytes: merge.bytes };
  const bases = (base?.archives ?? []).filter(({ pointId }) => merge.referred.has(pointId));
  const newest = bases.at(-1);
  const manifest = await writer.finish({ ...counts, archive: storedArchive });
  throwIfAborted(signal);
  const storedManifest = await put(job, keys.manifest, only(manifest), signal);
  const stored: Stored = {
    format: STORED_FORMAT,
    sealed,
    archive: storedArchive,
    manifest: storedManifest,
    ...counts,
    bases,
  };
  try {
    await writeIndex(job, base?.pointId, manifest);
  } catch (error) {
    // The point is whole without it.
    notes.push(`the next backup may have to be a full one: ${asLifeboatError(error).message}`);
  }
  return {
    stored,
    ...counts,
    storedBytes: storedArchive.size + storedManifest.size,
    findings: findings.list(),
    ...(newest === undefined ? {} : { base: newest.pointId }),
    ...present({ changes: merge.changes }),
    excluded,
    notes,
  };
}

/** Seconds since 1970 by the clock of the host: its inodes are stamped by it. */
async function clockOf({ host }: BackupJob, signal: AbortSignal): Promise<number> {
  const { stdout } = await host.run(['date', '+%s'], {}, signal);
  const seconds = Number(stdout.toString('latin1'));
  if (!Number.isSafeInteger(seconds) || seconds === 0)
    throw new LifeboatError('command-failed', `date on ${host.name} does not tell the time`);
  return seconds;
}

/** Encrypts, where there are recipients, and hashes what is stored beside its being stored. */
async function put(
  { target, sealing: { recipients } }: BackupJob,
  key: string,
  plain: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<StoredObject> {
  const hashing = new Hashing();
  let size = 0;
  async function* hashed(): AsyncIterable<Uint8Array> {
    for await (const chunk of recipients.length > 0 ? encrypting(plain, recipients) : plain) {
      throwIfAborted(signal);
      hashing.bytes(0, chunk.length);
      const run = hashing.run(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
      // Looked at below.
      run.catch(() => undefined);
      size += chunk.length;
      yield chunk;
      await run;
    }
  }
  await target.put(key, hashed(), {}, signal);
  hashing.end();
  const [sha256 = ''] = await hashing.run(Buffer.alloc(0));
  return { key, size, sha256 };
}

async function* only(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
