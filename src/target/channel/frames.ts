/**
 * What the two ends of a channel exchange: frames of a kind, the number of the call that they belong to, and a payload. One end
 * asks (`hello`, then any number of calls at once), the other answers. Bytes of objects and lists of them go as `data`, of which
 * so much may be on its way as the receiver has given credit for.
 */
import { LifeboatError } from '../../kernel/errors.ts';

const kinds = { hello: 1, call: 2, data: 3, end: 4, cancel: 5, credit: 6, result: 7, error: 8 } as const;

export type Kind = keyof typeof kinds;

export interface Frame {
  readonly kind: Kind;
  readonly id: number;
  readonly payload: Buffer;
}

/** The name of this way to speak, with its version; both ends say it first. */
export const CHANNEL_FORMAT = 'lifeboat.channel/1';

/** What may be on its way of each call before its receiver has asked for more. */
export const WINDOW = 1024 * 1024;
/** The longest payload. */
export const MAX_PAYLOAD = 64 * 1024;

const headerBytes = 9;
const nothing = Buffer.alloc(0);

/** The payload is copied. */
export function frame(kind: Kind, id: number, payload: Uint8Array = nothing): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt8(kinds[kind], 0);
  header.writeUInt32LE(id, 1);
  header.writeUInt32LE(payload.length, 5);
  return Buffer.concat([header, payload]);
}

/** @throws LifeboatError `usage` for more than a frame holds */
export function jsonFrame(kind: Kind, id: number, value: unknown): Buffer {
  const payload = Buffer.from(JSON.stringify(value));
  if (payload.length > MAX_PAYLOAD) throw new LifeboatError('usage', 'too much for one frame of the channel');
  return frame(kind, id, payload);
}

export function creditFrame(id: number, bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32LE(bytes);
  return frame('credit', id, payload);
}

/** @throws LifeboatError `unreachable` */
export function creditOf({ payload }: Frame): number {
  if (payload.length !== 4) throw nonsense();
  return payload.readUInt32LE();
}

/** @throws LifeboatError `unreachable` for what is no JSON */
export function jsonOf({ payload }: Frame): unknown {
  try {
    return JSON.parse(payload.toString());
  } catch {
    throw nonsense();
  }
}

/**
 * Frames of a stream of bytes, to its end.
 *
 * @throws LifeboatError `unreachable` for what is no frame, and where the stream ends within one
 */
export async function* framesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Frame, void, undefined> {
  let rest: Buffer = nothing;
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    while (rest.length >= headerBytes) {
      const length = rest.readUInt32LE(5);
      const kind = names.get(rest.readUInt8(0));
      if (kind === undefined || length > MAX_PAYLOAD) throw nonsense();
      if (rest.length < headerBytes + length) break;
      yield { kind, id: rest.readUInt32LE(1), payload: rest.subarray(headerBytes, headerBytes + length) };
      rest = rest.subarray(headerBytes + length);
    }
  }
  if (rest.length > 0)
    throw new LifeboatError('unreachable', 'the channel broke off in the middle', { retryable: true });
}

/** What the other end would never say, were it what it should be: nothing can be read after it. */
export function nonsense(): LifeboatError {
  return new LifeboatError('unreachable', 'what comes through the channel makes no sense', { retryable: true });
}

function isKind(name: string): name is Kind {
  return Object.hasOwn(kinds, name);
}

const names = new Map(
  Object.keys(kinds)
    .filter(isKind)
    .map((kind): [number, Kind] => [kinds[kind], kind]),
);
