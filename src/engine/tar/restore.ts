/** Archives → read, hashed and compared → a confined tar → attributes and a walk, compared with the manifest. */
import { readdirSync } from 'node:fs';
import { checkCode } from '../../host/command.ts';
import { localHost } from '../../host/local.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { nameToBytes } from '../../kernel/text.ts';
import { formatBytes } from '../../kernel/units.ts';
import { confineArgv } from '../../native/confine.ts';
import type { Batches } from '../compare.ts';
import type { RestoreJob, RestoreReport } from '../engine.ts';
import type { Entry } from '../entry.ts';
import { withOwners } from '../restore/owners.ts';
import { recognise } from '../restore/resume.ts';
import { isRoot, Lacks, makeable } from '../restore/rights.ts';
import { belowSymlink, notRestored, select, symlinkCheck } from '../restore/select.ts';
import { settle } from '../restore/settle.ts';
import { fits, type Stage, stagedIn } from '../restore/stage.ts';
import { extractArgv } from './commands.ts';
import type { ManifestEntry } from './manifest.ts';
import { readManifest } from './manifest-object.ts';
import { type MembersJob, members } from './members.ts';
import { Findings, parseTarLine } from './stderr.ts';
import { parseStored, type Stored } from './stored.ts';

export async function restore(job: RestoreJob, signal: AbortSignal): Promise<RestoreReport> {
  const stored = parseStored(job.stored);
  const findings = new Findings();
  const lacks = new Lacks();
  const manifest = await readManifest(job, stored.manifest, signal);
  const selection = await select(() => manifest.entries(), job.paths, findings);
  const stage: Stage = { directory: job.directory, elsewhere: job.elsewhere ?? [] };
  const chosen = (path: string) => selection.has(path) && (job.only?.(path) ?? true);
  const counts = { entries: 0, bytes: 0 };
  /** Symlinks, and how many of the chosen entries lie below each. */
  const left = new Map<string, number>();
  async function* restorable(counting: boolean): Batches<ManifestEntry> {
    const symlinkAbove = symlinkCheck();
    for await (const entries of manifest.batches()) {
      yield entries.filter((entry) => {
        const symlink = symlinkAbove(entry);
        const { path } = entry;
        if (symlink === undefined && fits(stage, path)) return true;
        if (!counting || !chosen(path)) return false;
        if (symlink !== undefined) left.set(symlink, (left.get(symlink) ?? 0) + 1);
        else findings.add(`/${path}`, `not restored: its path is too long in ${stagedIn(stage, path)}`);
        return false;
      });
    }
  }
  async function* expected(counting: boolean): Batches<Entry> {
    for await (const entries of restorable(counting)) {
      const wanted = entries.filter(({ path }) => chosen(path));
      if (counting) {
        counts.entries += wanted.length;
        for (const { size } of wanted) counts.bytes += size;
      }
      yield job.owners === undefined ? wanted : wanted.map((entry) => withOwners(entry, job.owners));
    }
  }

  const kept = isEmpty(stage) ? new Set<string>() : await recognise(stage, expected(false), signal);
  const wants = (entry: Entry) => chosen(entry.path) && !kept.has(entry.path) && makeable(entry);
  const said = await extract({ job, stored, manifest: { batches: () => restorable(false) }, wants }, findings, signal);
  const staged = await settle(
    {
      stage,
      expected: expected(true),
      reread: job.reread ?? false,
      said: (path) => said.get(path),
      findings,
      lacks,
    },
    signal,
  );
  for (const [path, entries] of left) findings.add(`/${path}`, notRestored(belowSymlink, entries));
  lacks.tell(findings);
  return { ...counts, kept: kept.size, staged, findings: findings.list() };
}

function isEmpty({ directory, elsewhere }: Stage): boolean {
  return elsewhere.length === 0 && readdirSync(nameToBytes(directory)).length === 0;
}

interface Extraction {
  readonly job: RestoreJob;
  readonly stored: Stored;
  readonly manifest: MembersJob['manifest'];
  readonly wants: (entry: Entry) => boolean;
}

/** More than anybody reads; what tar says only explains what the comparison finds. */
const maxSaid = 10_000;

/** @returns what tar said, by path */
async function extract(
  { job, stored, manifest, wants }: Extraction,
  findings: Findings,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const said = new Map<string, string>();
  const unknown: string[] = [];
  let spoke = false;
  let full: string | undefined;
  const { target, sealing, onProgress, directory, elsewhere = [] } = job;
  const over = elsewhere.map((one) => ({ directory: `${one.directory}/${one.path}`, place: one.path }));
  const [program, ...args] = confineArgv(directory, extractArgv(isRoot), undefined, 'closed', over);
  if (program === undefined) throw new LifeboatError('bug', 'no command to restore with');
  await using machine = localHost();
  const running = machine.stream(
    [program, ...args],
    {
      stdin: members({ target, sealing, onProgress, stored, manifest, wants }, signal),
      onStderrLine: (line) => {
        const message = parseTarLine(line);
        if (message === undefined) return;
        spoke = true;
        const { subject, problem } = message.finding;
        if (saysFull(problem)) full ??= `${subject}: ${problem}`;
        // What it says of a file's attributes, or could not make, is what the comparison finds too.
        if (message.known && said.size < maxSaid) said.set(subject.slice(1), problem);
        if (message.known) return;
        findings.add(subject, problem);
        unknown.push(line);
      },
    },
    signal,
  );
  for await (const _ of running.stdout);
  const { code, stderr } = await running.finished;
  if (full !== undefined) {
    throw new LifeboatError('no-space', `no space left in ${directory}: ${full}`, {
      hint: `What is restored takes ${formatBytes(await bytesOf(manifest, wants))}: free space or raise the quota there, or choose another place, or fewer paths.`,
    });
  }
  if (code !== 2 || unknown.length > 0 || !spoke) {
    checkCode(['tar', '--extract'], { code, stdout: Buffer.alloc(0), stderr }, [0, 1]);
  }
  return said;
}

async function bytesOf(manifest: Extraction['manifest'], wants: (entry: Entry) => boolean): Promise<number> {
  let bytes = 0;
  for await (const entries of manifest.batches()) {
    for (const entry of entries) if (wants(entry)) bytes += entry.size;
  }
  return bytes;
}

/** An attribute that does not fit is not a full disk: some filesystems have room for few. */
function saysFull(problem: string): boolean {
  if (/xattr|filecon|extended attribute/.test(problem)) return false;
  return /: (No space left on device|Disk quota exceeded)$|^Wrote only \d+ of \d+ bytes$/.test(problem);
}
