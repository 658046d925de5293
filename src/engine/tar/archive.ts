/** What is not kept, as tar on the host writes it: read and hashed as it passes, and entered into the manifest. */
import { LifeboatError } from '../../kernel/errors.ts';
import type { BackupJob } from '../engine.ts';
import type { Entry } from '../entry.ts';
import { type Chosen, sizeOf } from './choose.ts';
import { createArgv, namesInParts } from './commands.ts';
import { findFlags } from './flags.ts';
import type { ManifestMerge } from './merge.ts';
import { RawPieces } from './pieces.ts';
import { ArchiveReader } from './reader.ts';
import { type Findings, parseTarLine } from './stderr.ts';
import { strayProblem, Strays } from './strays.ts';

export interface Archiving {
  readonly job: BackupJob;
  readonly chosen: readonly Chosen[];
  /** Of the walk, by absolute path. */
  readonly problems: ReadonlyMap<string, string>;
  readonly merge: ManifestMerge;
  readonly findings: Findings;
  readonly notes: string[];
}

/**
 * @throws LifeboatError (while iterating) `not-found` when there is nothing at all, `command-failed` when tar fails in a way
 *   that is not about a single file
 */
export async function* archiveOf(archiving: Archiving, signal: AbortSignal): AsyncIterable<Uint8Array> {
  const { job, chosen, problems, merge, findings, notes } = archiving;
  const said = new Said(findings, notes);
  const news = chosen.filter(({ kept }) => !kept);
  if (news.length > 0) yield* stored(job, news, merge, said, signal);
  await merge.finish();
  said.addProblems(problems, news);
  // The end of an archive.
  yield Buffer.alloc(1024);
  if (merge.entries > 0) return;
  const first = findings.list()[0];
  const reason = first ? `: ${first.subject}: ${first.problem}` : '';
  throw new LifeboatError('not-found', `none of the paths to back up could be read on ${job.host.name}${reason}`);
}

async function* stored(
  job: BackupJob,
  news: readonly Chosen[],
  merge: ManifestMerge,
  said: Said,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const totalBytes = news.reduce((sum, { stat }) => sum + (stat.startsWith('f') ? sizeOf(stat) : 0), 0);
  const running = job.host.stream(
    createArgv(),
    {
      stdin: namesInParts(news, ({ path }) => (path === '' ? '.' : path)),
      reuse: true,
      onStderrLine: (line) => said.take(line),
    },
    signal,
  );
  const complete: Entry[] = [];
  let entries = 0;
  /** Of the members before the one that is being read, and of that one. */
  let bytes = 0;
  const flowing = { bytes: 0, size: 0 };
  const strays = new Strays();
  let stray = false;
  const pieces = new RawPieces();
  const reader = new ArchiveReader(
    {
      begin: ({ entry }) => {
        stray = strays.has(entry);
        bytes += flowing.size;
        flowing.bytes = 0;
        flowing.size = stray ? 0 : entry.size;
        if (stray) said.find(`/${entry.path}`, strayProblem);
        return stray;
      },
      raw: (piece) => {
        if (!stray) pieces.add(piece);
      },
      content: (length) => {
        flowing.bytes += length;
      },
      end: (entry, wasStray) => {
        if (wasStray === true) return;
        entries++;
        complete.push(entry);
      },
    },
    signal,
  );
  await using asking = askFlags(job, news, said, signal);
  let flags: ReadonlyMap<string, string> | undefined;
  // Nothing waits for them, but entries are entered only with them; a failure comes out below.
  asking.found.then((found) => (flags = found)).catch(() => undefined);
  const enter = async (known: ReadonlyMap<string, string>): Promise<void> => {
    for (const entry of complete.splice(0)) await merge.add(entry, known.get(entry.path));
  };
  /** The chunk before: it is hashed on another thread, while this one reads the headers of the next. */
  let before: { readonly read: Promise<void>; readonly pieces: readonly Buffer[] } | undefined;
  const given = async function* (): AsyncIterable<Uint8Array> {
    if (before === undefined) return;
    await before.read;
    if (flags !== undefined) await enter(flags);
    // Whole members only: what follows the last one is made by us, once.
    yield* before.pieces;
    // Of a sparse file more may be stored than it is long: the list of its extents too.
    const doneBytes = bytes + Math.min(flowing.bytes, flowing.size);
    job.onProgress({ doneBytes, totalBytes: Math.max(totalBytes, doneBytes), entries });
  };
  for await (const chunk of running.stdout) {
    const read = reader.push(chunk);
    // Looked at in its turn.
    read.catch(() => undefined);
    const next = { read, pieces: pieces.take() };
    yield* given();
    before = next;
  }
  flowing.bytes = flowing.size;
  yield* given();
  said.checkEnd(job.host.name, await running.finished);
  reader.finish();
  await enter(await asking.found);
}

/** They are asked for beside all else, and no longer than that takes: what is left of the asking ends with its owner. */
function askFlags(
  job: BackupJob,
  news: readonly Chosen[],
  said: Said,
  signal: AbortSignal,
): AsyncDisposable & { readonly found: Promise<ReadonlyMap<string, string>> } {
  const left = new AbortController();
  const found = flagsOf(job, news, said, AbortSignal.any([signal, left.signal]));
  return {
    found,
    async [Symbol.asyncDispose]() {
      left.abort();
      await found.catch(() => undefined);
    },
  };
}

async function flagsOf(
  job: BackupJob,
  news: readonly Chosen[],
  said: Said,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  try {
    return await findFlags(job.host, news, signal);
  } catch (error) {
    if (!(error instanceof LifeboatError) || error.code !== 'tool-missing') throw error;
    said.note(`attribute flags (chattr) are not in the point: there is no lsattr on ${job.host.name}`);
    return new Map();
  }
}

/** What tar says of files, sorted by what it means for the point. */
class Said {
  readonly #findings: Findings;
  readonly #notes: string[];
  readonly #unknown: string[] = [];
  readonly #subjects = new Set<string>();
  readonly #vanished: string[] = [];
  readonly #changed: string[] = [];
  #lines = 0;

  constructor(findings: Findings, notes: string[]) {
    this.#findings = findings;
    this.#notes = notes;
  }

  take(line: string): void {
    const message = parseTarLine(line);
    if (message === undefined) return;
    this.#lines++;
    const { subject, problem } = message.finding;
    if (!message.known && this.#unknown.length < 5) this.#unknown.push(line);
    if (hasVanished.test(problem)) this.#vanished.push(subject);
    else if (problem === 'file changed as we read it') this.#changed.push(subject);
    else {
      this.#subjects.add(subject);
      this.#findings.add(subject, problem);
    }
  }

  note(text: string): void {
    this.#notes.push(text);
  }

  find(subject: string, problem: string): void {
    this.#subjects.add(subject);
    this.#findings.add(subject, problem);
  }

  /** Of the walk; what tar has named too is named once. */
  addProblems(problems: ReadonlyMap<string, string>, asked: readonly Chosen[]): void {
    this.#addChanged(asked);
    for (const [path, problem] of problems) if (!this.#subjects.has(path)) this.#findings.add(path, problem);
    if (this.#vanished.length === 0) return;
    const vanished = new Set(this.#vanished);
    let below = '//';
    for (const { path, stat } of asked) {
      const name = `/${path}`;
      if (!stat.startsWith('d') || name.startsWith(below) || !vanished.has(name)) continue;
      below = `${name}/`;
      // One that was renamed took everything below it along, to where the walk had not seen it.
      this.#findings.add(name, 'was removed or renamed before it was read: under a new name it is not in the point');
    }
    const some = this.#vanished.slice(0, 5).join(', ');
    const more = this.#vanished.length > 5 ? ', …' : '';
    this.#notes.push(
      `${this.#vanished.length} files vanished before they were read, and are under no new name in the point: ${some}${more}`,
    );
  }

  /** Of a directory only its own attributes are read, at once: what changes below it, such as /sys, makes nothing half old and half new. */
  #addChanged(asked: readonly Chosen[]): void {
    if (this.#changed.length === 0) return;
    const changed = new Set(this.#changed);
    const directories = new Set(
      asked.flatMap(({ path, stat }) => (stat.startsWith('d') && changed.has(`/${path}`) ? [`/${path}`] : [])),
    );
    for (const subject of this.#changed)
      if (!directories.has(subject)) this.find(subject, 'file changed as we read it');
  }

  checkEnd(host: string, { code, stderr }: { readonly code: number; readonly stderr: string }): void {
    // 1: files changed while they were read. 2: some could not be read, or tar failed: then it says something else too.
    if (code === 0 || code === 1 || (code === 2 && this.#unknown.length === 0 && this.#lines > 0)) return;
    const said =
      this.#unknown.length > 0 ? this.#unknown.join('\n  ') : stderr.trim().split('\n').slice(-5).join('\n  ');
    throw new LifeboatError('command-failed', `tar on ${host} failed with exit code ${code}:\n  ${said}`);
  }
}

/** Between the walk and tar's turn: the point is of the moment at which it was gone. */
const hasVanished = /^(File removed before we read it|Cannot (stat|open|readlink): No such file or directory)$/;
