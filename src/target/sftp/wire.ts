/** Requests and replies over the channel of an SFTP server: any number under way, and an end to each. */
import type { Duplex } from 'node:stream';
import { asLifeboatError, LifeboatError } from '../../kernel/errors.ts';
import { type Field, packet, Reader, statuses, types } from './packet.ts';

/** The largest packet that is taken, as in OpenSSH; a text that a login shell prints reads as a larger one. */
const MAX_PACKET = 256 * 1024 + 1024;

/** As much as one packet of ssh takes. */
const BATCH_BYTES = 32 * 1024;

/** What a server answered in place of what was asked for. */
export class SftpStatus extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message === '' ? `status ${status}` : message);
    this.status = status;
  }
}

/** Whether `error` is the server's answer of one of these statuses. */
export function hasStatus(error: unknown, ...names: readonly (keyof typeof statuses)[]): boolean {
  return error instanceof SftpStatus && names.some((name) => statuses[name] === error.status);
}

interface Pending {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
  readonly patienceMs: number;
}

export interface Reply {
  readonly type: number;
  readonly body: Reader;
}

export class Wire {
  readonly #channel: Duplex;
  readonly #silenceMs: number;
  readonly #pending = new Map<number, Pending>();
  readonly #version = Promise.withResolvers<Reader>();
  #nextId = 0;
  #unsent: Buffer[] = [];
  #unsentBytes = 0;
  #greeted = false;
  /** What has come of the next packet, and how much of it there must be before it is worth a look. */
  #parts: Buffer[] = [];
  #have = 0;
  #need = 4;
  #heardAt = performance.now();
  #failure: LifeboatError | undefined;
  readonly #clock: NodeJS.Timeout;

  /** @param silenceMs how long the server may say nothing at all while it owes answers */
  constructor(channel: Duplex, silenceMs: number) {
    this.#channel = channel;
    this.#silenceMs = silenceMs;
    this.#version.promise.catch(() => undefined);
    this.#clock = setInterval(() => this.#watch(), Math.max(10, silenceMs / 8));
    this.#clock.unref();
    channel.on('data', (chunk: Buffer) => this.#take(chunk));
    channel.on('error', (error) => this.fail(lost(error)));
    for (const event of ['end', 'close']) channel.on(event, () => this.fail(lost()));
    channel.write(packet(types.init, 3));
  }

  /** The answer to the greeting: what the server can do. */
  get version(): Promise<Reader> {
    return this.#version.promise;
  }

  /** Why no request can be made any more. */
  get failure(): LifeboatError | undefined {
    return this.#failure;
  }

  /**
   * Sends a request. What it is given is copied.
   *
   * @param patienceMs how long the server may be silent over it, when that is longer than over others
   * @throws SftpStatus the answer, when it is a status other than OK; LifeboatError `unreachable`
   */
  request(type: number, fields: readonly Field[], patienceMs = 0): Promise<Reply> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const id = this.#nextId;
    this.#nextId = (id + 1) % 0x1_0000_0000;
    // The silence of a server that was asked nothing does not count.
    if (this.#pending.size === 0) this.#heardAt = performance.now();
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, patienceMs });
      this.#send(packet(type, id, ...fields));
    });
  }

  /** Requests that are made together travel together: each packet of ssh costs a cipher and a call of the system. */
  #send(bytes: Buffer): void {
    if (this.#unsent.length === 0) process.nextTick(() => this.#flush());
    this.#unsent.push(bytes);
    this.#unsentBytes += bytes.length;
    if (this.#unsentBytes > BATCH_BYTES) this.#flush();
  }

  #flush(): void {
    if (this.#unsent.length > 0 && this.#failure === undefined) {
      this.#channel.write(this.#unsent.length === 1 ? this.#unsent[0] : Buffer.concat(this.#unsent));
    }
    this.#unsent = [];
    this.#unsentBytes = 0;
  }

  /** Ends everything that is under way with `error`. */
  fail(error: LifeboatError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    clearInterval(this.#clock);
    this.#version.reject(error);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#channel.destroy();
  }

  #watch(): void {
    if (!this.#isSilent()) return;
    // When this process itself was busy for long, the answers are waiting to be read: that comes first.
    setImmediate(() => {
      if (!this.#isSilent()) return;
      const silence = Math.round((performance.now() - this.#heardAt) / 1000);
      this.fail(
        new LifeboatError('unreachable', `the SFTP server has not answered for ${silence} s`, { retryable: true }),
      );
    });
  }

  #isSilent(): boolean {
    if (this.#pending.size === 0 && this.#greeted) return false;
    const patience = Math.max(this.#silenceMs, ...[...this.#pending.values()].map(({ patienceMs }) => patienceMs));
    return performance.now() - this.#heardAt > patience;
  }

  #take(chunk: Buffer): void {
    this.#heardAt = performance.now();
    this.#parts.push(chunk);
    this.#have += chunk.length;
    if (this.#have < this.#need) return;
    let bytes = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts);
    for (;;) {
      this.#need = bytes.length < 4 ? 4 : 4 + bytes.readUInt32BE(0);
      if (this.#need > MAX_PACKET) return this.fail(notSftp());
      if (bytes.length < this.#need) break;
      const whole = bytes.subarray(4, this.#need);
      bytes = bytes.subarray(this.#need);
      try {
        this.#answer(whole);
      } catch (error) {
        // What the server says makes no sense, so nothing that it said counts.
        return this.fail(error instanceof LifeboatError ? error : notSftp(error));
      }
    }
    this.#parts = [bytes];
    this.#have = bytes.length;
  }

  #answer(bytes: Buffer): void {
    const body = new Reader(bytes);
    const type = body.byte();
    if (type === types.version) {
      this.#greeted = true;
      return this.#version.resolve(body);
    }
    const id = body.uint32();
    const asked = this.#pending.get(id);
    if (asked === undefined) throw notSftp();
    this.#pending.delete(id);
    if (type !== types.status) return asked.resolve({ type, body });
    const status = body.uint32();
    if (status === statuses.ok) return asked.resolve({ type, body });
    const text = body.atEnd ? '' : body.text();
    if (status === statuses.noConnection || status === statuses.connectionLost) throw lost(new Error(text));
    asked.reject(new SftpStatus(status, text));
  }
}

function lost(cause?: unknown): LifeboatError {
  return new LifeboatError('unreachable', 'the connection to the SFTP server was lost', {
    retryable: true,
    cause: cause === undefined ? undefined : asLifeboatError(cause),
  });
}

function notSftp(cause?: unknown): LifeboatError {
  return new LifeboatError('target-failed', 'the server does not speak SFTP as it should', {
    hint: 'See that the start files of that account (.bashrc, .profile) print nothing, or set "Subsystem sftp internal-sftp" in its sshd_config.',
    cause,
  });
}
