/**
 * The journal of a run: an append-only file of JSON lines, each durable before the run goes on. Whatever happens to the
 * process, the journal says which steps are finished, what they gave, and which cleanups are still owed.
 */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { syncDirectory } from '../kernel/atomic-write.ts';
import { refuseNewer } from '../kernel/document.ts';
import { explaining, LifeboatError } from '../kernel/errors.ts';
import type { Json } from '../kernel/json.ts';

export const JOURNAL_FORMAT = 'lifeboat.journal/1';

const at = z.iso.datetime();
const json: z.ZodType<Json> = z.json();
const error = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().optional(),
  retryable: z.boolean().optional(),
  causes: z.array(z.string()).readonly().optional(),
});
const finding = z.object({ step: z.string(), subject: z.string(), problem: z.string() });

const recordSchema = z.discriminatedUnion('type', [
  /** The first record, once. */
  z.object({
    type: z.literal('run'),
    format: z.literal(JOURNAL_FORMAT),
    id: z.string(),
    workflow: z.string(),
    /** Where a site's own workflow was loaded from. */
    file: z.string().optional(),
    version: z.string(),
    inputs: z.record(z.string(), json),
    at,
  }),
  /** Another process goes on with the run. */
  z.object({ type: z.literal('resume'), at }),
  z.object({ type: z.literal('begin'), step: z.string(), attempt: z.number(), at }),
  /** Owed from here on: `when` the run ends, or only if it fails, or only if it is undone. `ref` is unique within the run. */
  z.object({
    type: z.literal('owe'),
    ref: z.number(),
    when: z.enum(['end', 'failure', 'undo']),
    step: z.string(),
    cleanup: z.string(),
    args: json,
    at,
  }),
  /** The cleanup `ref` was carried out. */
  z.object({ type: z.literal('cleaned'), ref: z.number(), at }),
  z.object({ type: z.literal('answer'), step: z.string(), question: z.string(), answer: z.string(), at }),
  /** The step is finished. */
  z.object({
    type: z.literal('end'),
    step: z.string(),
    gives: z.record(z.string(), json),
    findings: z.array(finding).readonly(),
    ms: z.number(),
    /** From here on nothing is undone any more that was done before. */
    settled: z.literal(true).optional(),
    at,
  }),
  z.object({ type: z.literal('fail'), step: z.string(), error, at }),
  /** These steps are no longer finished: their deeds were undone or released. */
  z.object({ type: z.literal('undone'), steps: z.array(z.string()).readonly(), at }),
  z.object({
    type: z.literal('done'),
    status: z.enum(['done', 'incomplete', 'failed', 'interrupted', 'undone']),
    ms: z.number(),
    at,
  }),
]);

export type JournalRecord = z.infer<typeof recordSchema>;
export type RunRecord = Extract<JournalRecord, { type: 'run' }>;
export type JournalFinding = z.infer<typeof finding>;
type Distributed<T> = T extends unknown ? Omit<T, 'at'> : never;
export type NewRecord = Distributed<JournalRecord>;

export interface JournalContent {
  readonly records: readonly [RunRecord, ...JournalRecord[]];
  /** Bytes up to the end of the last whole record; what follows was being written when the process died. */
  readonly validBytes: number;
}

const neverBegan = 'The run was killed before it began anything. Its folder can be removed.';

/**
 * Reads a journal. A last line that is not whole was never durable, and is left out.
 *
 * @throws LifeboatError `not-found`; `newer-format`; `journal-damaged` when anything before the last line cannot be read
 */
export async function readJournal(path: string): Promise<JournalContent> {
  const bytes = await explaining('read a journal', () => readFile(path)).catch((cause: unknown) => {
    if (cause instanceof LifeboatError && cause.code === 'not-found')
      throw new LifeboatError('not-found', `no journal at ${path}`, { hint: neverBegan, cause });
    throw cause;
  });
  const validBytes = bytes.lastIndexOf(0x0a) + 1;
  const lines = bytes.toString('utf8', 0, validBytes).split('\n').slice(0, -1);
  const records = lines.map((line, index) => parseLine(line, index + 1, path));
  const [first, ...rest] = records;
  if (first?.type !== 'run') {
    throw new LifeboatError('journal-damaged', `${path} does not begin with the record of a run`, {
      hint: neverBegan,
    });
  }
  return { records: [first, ...rest], validBytes };
}

function parseLine(line: string, number: number, path: string): JournalRecord {
  try {
    const record: unknown = JSON.parse(line);
    refuseNewer(record, JOURNAL_FORMAT, path);
    return recordSchema.parse(record);
  } catch (cause) {
    if (cause instanceof LifeboatError) throw cause;
    throw new LifeboatError('journal-damaged', `${path}:${number}: not a journal record`, {
      hint: 'The file was damaged or edited, or written by a newer lifeboat. The run cannot be resumed safely.',
      cause,
    });
  }
}

/** Appends records, each durable when `append` resolves. */
export class Journal implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #now: () => Date;
  #tail: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle, path: string, now: () => Date) {
    this.#file = file;
    this.#path = path;
    this.#now = now;
  }

  /** A new journal in an existing directory. */
  static async create(path: string, now: () => Date): Promise<Journal> {
    return explaining(`create ${path}`, async () => {
      const file = await open(path, 'ax', 0o600);
      await syncDirectory(dirname(path));
      return new Journal(file, path, now);
    });
  }

  /** Goes on with a journal; a half-written last line is cut off first. */
  static async reopen(path: string, validBytes: number, now: () => Date): Promise<Journal> {
    return explaining(`open ${path}`, async () => {
      const file = await open(path, 'a', 0o600);
      await file.truncate(validBytes);
      await file.datasync();
      return new Journal(file, path, now);
    });
  }

  /** @throws LifeboatError `no-space`, …; after a failure nothing more can be appended, and the run must stop */
  append(record: NewRecord): Promise<void> {
    const line = `${JSON.stringify({ ...record, at: this.#now().toISOString() })}\n`;
    this.#tail = this.#tail.then(() =>
      explaining(`write ${this.#path}`, async () => {
        // writeFile on a handle loops over short writes; a plain write may stop in the middle of a record.
        await this.#file.writeFile(line);
        await this.#file.datasync();
      }),
    );
    return this.#tail;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
