/** The bytes of an object, asked for ahead of the reader and given in order. */
import { LifeboatError } from '../../kernel/errors.ts';
import type { Handle, Session } from './session.ts';
import { openFlags } from './packet.ts';

/** Asked for and not yet given: as much as the windows of ssh let through. */
const WINDOW_BYTES = 2 * 1024 * 1024;

interface Asked {
  readonly offset: number;
  readonly length: number;
  readonly bytes: Promise<Buffer | undefined>;
}

/** @throws LifeboatError `target-failed` when the file ends before; SftpStatus */
export async function* readAhead(session: Session, handle: Handle, offset: number, end: number): AsyncIterable<Buffer> {
  const asked: Asked[] = [];
  let next = offset;
  let ahead = 0;
  for (let at = offset; at < end; ) {
    while (next < end && ahead < WINDOW_BYTES) {
      const length = Math.min(session.maxRead, end - next);
      const bytes = session.read(handle, next, length);
      // The one that is waited for tells what failed.
      bytes.catch(() => undefined);
      asked.push({ offset: next, length, bytes });
      next += length;
      ahead += length;
    }
    const head = asked.shift();
    if (head === undefined) return;
    ahead -= head.length;
    for (let bytes = await head.bytes; ; bytes = await session.read(handle, at, head.offset + head.length - at)) {
      if (bytes === undefined)
        throw new LifeboatError('target-failed', `the object ends at ${at} bytes, before its end`);
      at += bytes.length;
      yield bytes;
      // A server may give less than was asked for.
      if (at >= head.offset + head.length) break;
    }
  }
}

/** The first bytes of a file whose size is known. */
export async function* readObject(session: Session, path: string, size: number): AsyncIterable<Buffer> {
  const handle = await session.open(path, openFlags.read);
  try {
    yield* readAhead(session, handle, 0, size);
  } finally {
    closeLater(session, handle);
  }
}

/** Closes without waiting: whether that works changes nothing, and a lost session closes everything. */
export function closeLater(session: Session, handle: Handle): void {
  session.close(handle).catch(() => undefined);
}
