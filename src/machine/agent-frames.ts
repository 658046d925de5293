/** The frames that we and the agent in a virtual machine exchange; `native/agent.h` says what they are, and has the same table. */
import { LifeboatError } from '../kernel/errors.ts';

const fromUs = {
  start: 2,
  input: 3,
  inputEnd: 4,
  stdoutCredit: 5,
  stderrCredit: 6,
  end: 7,
  close: 8,
  ping: 9,
} as const;

const fromAgent = {
  started: 16,
  failed: 17,
  stdout: 18,
  stderr: 19,
  stdoutEnd: 20,
  stderrEnd: 21,
  inputCredit: 22,
  inputClosed: 23,
  exited: 24,
  ended: 25,
  pong: 26,
  lost: 27,
} as const;

export const frameTypes = { hello: 1, ...fromUs, ...fromAgent } as const;

const headerBytes = 9;
const magic = Buffer.from('lifeboat agent 1');

/** The longest payload that the agent takes. */
export const maxPayload = 256 * 1024;
/** The longest frame that it sends. */
const maxFrame = 32 * 1024;

/** What may be on its way of each stream of a command before its receiver has asked for more. */
export const windows = { input: 512 * 1024, stdout: 1024 * 1024, stderr: 256 * 1024 } as const;

type Kind = keyof typeof fromAgent;
type DataKind = 'stdout' | 'stderr';
type NumberKind = 'failed' | 'inputCredit' | 'exited';

/** What the agent has to say of a command. */
export type FromAgent =
  | { readonly kind: DataKind; readonly id: number; readonly bytes: Buffer }
  | { readonly kind: NumberKind; readonly id: number; readonly number: number }
  | { readonly kind: Exclude<Kind, DataKind | NumberKind>; readonly id: number };

function header(type: number, id: number, length: number): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  bytes.writeUInt8(type, 0);
  bytes.writeUInt32LE(id, 1);
  bytes.writeUInt32LE(length, 5);
  return bytes;
}

function frame(type: number, id: number, payload: Uint8Array): Buffer {
  return Buffer.concat([header(type, id, payload.length), payload]);
}

/** A frame without a payload. */
export function plainFrame(kind: 'inputEnd' | 'close' | 'ping', id: number): Buffer {
  return header(frameTypes[kind], id, 0);
}

export function numberFrame(kind: 'stdoutCredit' | 'stderrCredit' | 'end', id: number, number: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32LE(number);
  return frame(frameTypes[kind], id, payload);
}

/** What goes before the bytes of an input, which are not copied for it. */
export function inputHeader(id: number, length: number): Buffer {
  return header(frameTypes.input, id, length);
}

/** The opening of a session; the agent answers with the same bytes. */
export function helloFrame(nonce: Buffer): Buffer {
  return frame(frameTypes.hello, 0, Buffer.concat([magic, nonce]));
}

/** @returns `undefined` when the command is too long for a frame */
export function startFrame(
  id: number,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  withInput: boolean,
): Buffer | undefined {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const head = Buffer.alloc(5);
  head.writeUInt8(withInput ? 1 : 0, 0);
  head.writeUInt32LE(argv.length, 1);
  const texts = Buffer.from([...argv, ...variables].map((text) => `${text}\0`).join(''));
  const payload = Buffer.concat([head, texts]);
  return payload.length > maxPayload ? undefined : frame(frameTypes.start, id, payload);
}

/** Puts frames together from a stream of bytes. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /**
   * The frames that are whole with this chunk. Their bytes belong to whoever gets them, together with the chunk.
   *
   * @throws LifeboatError `unreachable` for what is no frame; nothing can be read after it
   */
  *push(chunk: Buffer): Generator<FromAgent, void, undefined> {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= headerBytes) {
      const length = bytes.readUInt32LE(5);
      if (length > maxFrame) throw nonsense();
      if (bytes.length < headerBytes + length) break;
      yield parse(bytes.readUInt8(0), bytes.readUInt32LE(1), bytes.subarray(headerBytes, headerBytes + length));
      bytes = bytes.subarray(headerBytes + length);
    }
    this.#rest = bytes;
  }
}

function parse(type: number, id: number, payload: Buffer): FromAgent {
  const kind = kinds.get(type);
  if (kind === 'stdout' || kind === 'stderr') return { kind, id, bytes: payload };
  if (kind === 'failed' || kind === 'inputCredit' || kind === 'exited') {
    if (payload.length !== 4) throw nonsense();
    return { kind, id, number: payload.readUInt32LE() };
  }
  if (kind === undefined || payload.length > 0) throw nonsense();
  return { kind, id };
}

function isKind(name: string): name is Kind {
  return Object.hasOwn(fromAgent, name);
}

const kinds = new Map(
  Object.keys(fromAgent)
    .filter(isKind)
    .map((kind): [number, Kind] => [fromAgent[kind], kind]),
);

function nonsense(): LifeboatError {
  return new LifeboatError('unreachable', 'what comes from the agent makes no sense', { retryable: true });
}
