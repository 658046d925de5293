/** tar on the host → read and hashed → compressed → one object; then the manifest as a second one. */
import { createHash } from 'node:crypto';
import { LifeboatError } from '../../kernel/errors.ts';
import { throwIfAborted } from '../../kernel/wait.ts';
import { type Body, chunksOf } from '../../target/target.ts';
import type { BackupJob, BackupResult } from '../engine.ts';
import { compressing } from '../zstd.ts';
import { createArgv, namesOnStdin } from './commands.ts';
import { namedPaths } from './include.ts';
import { ManifestWriter } from './manifest.ts';
import { RawPieces } from './pieces.ts';
import { ArchiveReader, reading } from './reader.ts';
import { Findings, parseTarLine } from './stderr.ts';
import { keysOf, STORED_FORMAT, type Stored, type StoredObject } from './stored.ts';

const defaultLevel = 3;

export async function backup(job: BackupJob, signal: AbortSignal): Promise<BackupResult> {
  const keys = keysOf(job, 'none');
  const argv = createArgv(job.exclude, job.leaveOut ?? []);
  const paths = await namedPaths(job.host, job.include, signal);
  const findings = new Findings();
  const manifest = new ManifestWriter(job.description);
  const counts = { entries: 0, bytes: 0 };

  async function* archive(): AsyncIterable<Uint8Array> {
    const unknown: string[] = [];
    const running = job.host.stream(
      argv,
      {
        stdin: namesOnStdin(paths),
        onStderrLine: (line) => {
          const message = parseTarLine(line);
          if (message === undefined) return;
          findings.add(message.finding.subject, message.finding.problem);
          if (!message.known && unknown.length < 5) unknown.push(line);
        },
      },
      signal,
    );
    const pieces = new RawPieces();
    // A path to include may also be an entry that another one holds, such as the directory that is a mount point.
    const seen = new Map(paths.map((path) => [path, 0]));
    let wanted = true;
    /** Of the member that is being read. */
    const flowing = { bytes: 0, size: 0 };
    const reader = new ArchiveReader({
      begin: ({ entry }) => {
        flowing.bytes = 0;
        flowing.size = entry.size;
        const times = seen.get(entry.path);
        if (times !== undefined) seen.set(entry.path, times + 1);
        wanted = times === undefined || times === 0;
      },
      raw: (bytes) => {
        if (wanted) pieces.add(bytes);
      },
      content: (bytes) => {
        if (wanted) flowing.bytes += bytes;
      },
      end: (entry) => {
        flowing.bytes = 0;
        if (!wanted) return;
        counts.entries++;
        counts.bytes += entry.size;
        manifest.add(entry);
      },
    });
    for await (const _ of reading(reader, running.stdout, () => running.finished.then(checkEnd))) {
      yield* pieces.take();
      // Of a sparse file more may be stored than it is long: the list of its extents too.
      const doneBytes = counts.bytes + Math.min(flowing.bytes, flowing.size);
      const total = job.expectedBytes === undefined ? {} : { totalBytes: Math.max(job.expectedBytes, doneBytes) };
      job.onProgress({ doneBytes, entries: counts.entries, ...total });
    }
    // The end of the archive, and zeros up to tar's record size.
    yield Buffer.alloc(1024);

    function checkEnd({ code, stderr }: { readonly code: number; readonly stderr: string }): void {
      // 1: files changed while they were read. 2: some could not be read, or tar failed: then it says something else too.
      if (code === 0 || code === 1 || (code === 2 && unknown.length === 0 && findings.count > 0)) return;
      const said = unknown.length > 0 ? unknown.join('\n  ') : stderr.trim().split('\n').slice(-5).join('\n  ');
      throw new LifeboatError('command-failed', `tar on ${job.host.name} failed with exit code ${code}:\n  ${said}`);
    }
  }

  async function* checkedArchive(): AsyncIterable<Uint8Array> {
    yield* archive();
    if (counts.entries > 0) return;
    const first = findings.list()[0];
    const reason = first ? `: ${first.subject}: ${first.problem}` : '';
    throw new LifeboatError('not-found', `none of the paths to back up could be read on ${job.host.name}${reason}`);
  }

  const level = job.compressionLevel ?? defaultLevel;
  const storedArchive = await put(job, keys.archive, compressing(checkedArchive(), level), signal);
  const bytes = await manifest.finish({ ...counts, archive: storedArchive, frames: {} });
  throwIfAborted(signal);
  const storedManifest = await put(job, keys.manifest, bytes, signal);
  const stored: Stored = {
    format: STORED_FORMAT,
    sealed: 'none',
    archive: storedArchive,
    manifest: storedManifest,
    ...counts,
    bases: [],
  };
  return {
    stored,
    ...counts,
    storedBytes: storedArchive.size + storedManifest.size,
    findings: findings.list(),
    excluded: [],
    notes: [],
  };
}

async function put({ target }: BackupJob, key: string, body: Body, signal: AbortSignal): Promise<StoredObject> {
  const sha = createHash('sha256');
  let size = 0;
  async function* hashed(): AsyncIterable<Uint8Array> {
    for await (const chunk of chunksOf(body)) {
      throwIfAborted(signal);
      sha.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  await target.put(key, hashed(), {}, signal);
  return { key, size, sha256: sha.digest('hex') };
}
