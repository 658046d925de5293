/** Archive → read, hashed and compared → a confined tar; then the tree is walked and compared with the manifest. */
import { localHost } from '../../host/local.ts';
import { checkCode } from '../../host/command.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { formatBytes } from '../../kernel/units.ts';
import { confineArgv } from '../../native/confine.ts';
import type { RestoreJob, RestoreReport } from '../engine.ts';
import type { Entry } from '../entry.ts';
import { type ArchiveCounts, checkedArchive } from './archive-object.ts';
import { checkRestored } from './check.ts';
import { extractArgv } from './commands.ts';
import { readManifest } from './manifest-object.ts';
import { RawPieces } from './pieces.ts';
import { restoreRoot } from './root.ts';
import { safetyCheck, type Selection, select } from './select.ts';
import { Findings, parseTarLine } from './stderr.ts';
import { parseStored, type Stored } from './stored.ts';
import type { Manifest } from './manifest-object.ts';

export async function restore(job: RestoreJob, signal: AbortSignal): Promise<RestoreReport> {
  const stored = parseStored(job.stored);
  const findings = new Findings();
  const manifest = await readManifest(job, stored.manifest, signal);
  const selection = await select(manifest, job.paths, findings);
  await extract(job, stored, manifest, selection, findings, signal);
  const root = await rootOf(manifest);
  if (root && selection.has('')) restoreRoot(job.directory, root, findings);
  await checkRestored(job.directory, manifest, selection, findings, signal);
  return { entries: selection.entries, bytes: selection.bytes, findings: findings.list() };
}

/** It stands before everything that is in it. */
async function rootOf(manifest: Manifest): Promise<Entry | undefined> {
  for await (const entry of manifest.entries()) {
    return entry.path === '' && entry.type === 'directory' ? entry : undefined;
  }
  return undefined;
}

async function extract(
  job: RestoreJob,
  stored: Stored,
  manifest: Manifest,
  selection: Selection,
  findings: Findings,
  signal: AbortSignal,
): Promise<void> {
  const unknown: string[] = [];
  let full: string | undefined;
  const [program, ...args] = confineArgv(job.directory, extractArgv(process.getuid?.() === 0), undefined, 'closed');
  if (program === undefined) throw new LifeboatError('bug', 'no command to restore with');
  await using machine = localHost();
  const running = machine.stream(
    [program, ...args],
    {
      stdin: members(job, stored, manifest, selection, signal),
      onStderrLine: (line) => {
        const message = parseTarLine(line);
        if (message === undefined) return;
        const { subject, problem } = message.finding;
        findings.add(subject, problem);
        if (saysFull(problem)) full ??= `${subject}: ${problem}`;
        if (!message.known) unknown.push(line);
      },
    },
    signal,
  );
  for await (const _ of running.stdout);
  const { code, stderr } = await running.finished;
  if (full !== undefined) {
    throw new LifeboatError('no-space', `no space left in ${job.directory}: ${full}`, {
      hint: `What is restored takes ${formatBytes(selection.bytes)}: free space or raise the quota there, or choose another place, or fewer paths.`,
    });
  }
  if (code === 2 && unknown.length === 0 && findings.count > 0) return;
  checkCode(['tar', '--extract'], { code, stdout: Buffer.alloc(0), stderr }, [0, 1]);
}

/** The selected members as they stand in the archive. Nothing of a member passes before its name was found safe. */
async function* members(
  job: RestoreJob,
  stored: Stored,
  manifest: Manifest,
  selection: Selection,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const pieces = new RawPieces();
  const counts: ArchiveCounts = { entries: 0, bytes: 0, storedBytes: 0 };
  const safety = safetyCheck();
  let wanted = true;
  let done = 0;
  const archive = checkedArchive(
    {
      target: job.target,
      stored: stored.archive,
      manifest: manifest.entries(),
      begin: ({ entry, name }) => {
        safety({ ...entry, path: name.replace(/\/+$/, '') });
        wanted = selection.has(entry.path);
        if (wanted) done++;
      },
      raw: (bytes) => {
        if (wanted) pieces.add(bytes);
      },
      onProgress: ({ doneBytes, totalBytes }) =>
        job.onProgress({ doneBytes, entries: done, ...(totalBytes === undefined ? {} : { totalBytes }) }),
      onDamage: ({ subject, problem }) => {
        throw new LifeboatError('archive-damaged', `the archive is damaged at ${subject}: ${problem}`, {
          hint: 'Restore another point, or other paths of this one; lifeboat points verify says what is damaged.',
        });
      },
    },
    counts,
    signal,
  );
  for await (const _ of archive) yield* pieces.take();
  yield Buffer.alloc(1024);
}

/** An attribute that does not fit is not a full disk: some filesystems have room for few. */
function saysFull(problem: string): boolean {
  if (/xattr|filecon|extended attribute/.test(problem)) return false;
  return /: (No space left on device|Disk quota exceeded)$|^Wrote only \d+ of \d+ bytes$/.test(problem);
}
