/** Reading an object, over as many sessions as it takes. */
import { LifeboatError } from '../../kernel/errors.ts';
import { raceAbort } from '../../kernel/wait.ts';
import { checkRange, type ObjectInfo, type Range } from '../target.ts';
import { closeLater, readAhead } from './download.ts';
import { explaining } from './failure.ts';
import { isFileMode } from './folders.ts';
import type { Link } from './link.ts';
import { type Attributes, openFlags } from './packet.ts';
import type { Handle, Session } from './session.ts';
import { hasStatus } from './wire.ts';

/** What is read together with the size of an object: all of a small one. */
const FIRST_BYTES = 32 * 1024;

interface Named {
  readonly key: string;
  readonly url: string;
  /** Throws where the key is none. */
  path(): string;
}

/** How far the reading of an object has come. */
interface Progress {
  /** What the object was when it was opened first. */
  readonly before: ObjectInfo | undefined;
  /** What is still to be read; all, until the size is known. */
  readonly rest: Range | undefined;
  /** The bytes before that. */
  readonly last: Uint8Array;
}

export function infoOf({ size, mtimeMs }: Attributes): ObjectInfo {
  return { size: size ?? 0, mtimeMs: mtimeMs ?? 0 };
}

/** {@link Target.get}: after a lost connection it goes on where it was, in the same object or not at all. */
export async function* readPatiently(
  link: Link,
  object: Named,
  range: Range | undefined,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  object.path();
  const doing = `read ${object.key} at ${object.url}`;
  const patience = link.patience();
  let progress: Progress = { before: undefined, rest: range, last: new Uint8Array() };
  for (;;) {
    let reading: AsyncGenerator<Buffer | ObjectInfo, void> | undefined;
    try {
      const current = readFrom(await patience.session(signal), object, progress);
      reading = current;
      for (;;) {
        const step = await raceAbort(
          explaining(doing, () => current.next()),
          signal,
        );
        if (step.done === true) return;
        patience.progress();
        progress = after(progress, step.value);
        if (step.value instanceof Uint8Array) yield step.value;
      }
    } catch (error) {
      await patience.outlast(error, signal);
    } finally {
      // Not waited for: it may be in the middle of something that the server never answers.
      reading?.return().catch(() => undefined);
    }
  }
}

function after(progress: Progress, step: Buffer | ObjectInfo): Progress {
  if (!(step instanceof Uint8Array)) {
    return { ...progress, before: step, rest: progress.rest ?? { offset: 0, length: step.size } };
  }
  const { offset, length } = progress.rest ?? { offset: 0, length: 0 };
  return { ...progress, last: step, rest: { offset: offset + step.length, length: length - step.length } };
}

/** What the object is, when that was not known, and then its bytes. */
async function* readFrom(
  session: Session,
  object: Named,
  { before, rest, last }: Progress,
): AsyncGenerator<Buffer | ObjectInfo, void> {
  const absent = () => new LifeboatError('not-found', `no ${object.key} at ${object.url}`);
  const handle = await session.open(object.path(), openFlags.read).catch((error: unknown) => {
    throw hasStatus(error, 'noSuchFile') ? absent() : error;
  });
  try {
    // Asked together, so that a small object costs one wait less.
    const first = before === undefined ? readFirst(session, handle, rest) : undefined;
    const there = await session.fstat(handle);
    if (!isFileMode(there)) throw absent();
    const info = infoOf(there);
    const { offset, length } = checkRange(object.key, rest, info.size);
    if (before === undefined) yield info;
    else if (!(await isSame(session, handle, { before, info, last, offset }))) {
      throw new LifeboatError('target-failed', `${object.key} at ${object.url} was replaced while it was being read`);
    }
    const part = (await first)?.subarray(0, length) ?? Buffer.alloc(0);
    if (part.length > 0) yield part;
    yield* readAhead(session, handle, offset + part.length, offset + length);
  } finally {
    closeLater(session, handle);
  }
}

function readFirst(
  session: Session,
  handle: Handle,
  range: Range | undefined,
): Promise<Buffer | undefined> | undefined {
  const { offset, length } = range ?? { offset: 0, length: FIRST_BYTES };
  // What is no range is refused when the size is there.
  if (!Number.isSafeInteger(offset) || !(length > 0) || offset < 0) return undefined;
  const reading = session.read(handle, offset, Math.min(FIRST_BYTES, Math.ceil(length)));
  reading.catch(() => undefined);
  return reading;
}

interface Comparison {
  readonly before: ObjectInfo;
  readonly info: ObjectInfo;
  readonly last: Uint8Array;
  readonly offset: number;
}

/** Times have whole seconds here, so the bytes that were given last are compared as well. */
async function isSame(session: Session, handle: Handle, { before, info, last, offset }: Comparison): Promise<boolean> {
  if (before.size !== info.size || before.mtimeMs !== info.mtimeMs) return false;
  const expected = last.subarray(Math.max(0, last.length - session.maxRead));
  if (expected.length === 0) return true;
  return (await session.read(handle, offset - expected.length, expected.length))?.equals(expected) === true;
}
