/** One session with an SFTP server: each method is one request, answered or failed. */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import { type DialOptions, dialSsh } from '../../host/ssh-dial.ts';
import type { SshDestination } from '../../host/ssh-config.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { limited, raceAbort } from '../../kernel/wait.ts';
import { type Attributes, openFlags, type Reader, types } from './packet.ts';
import { hasStatus, type Reply, Wire } from './wire.ts';

/** What OpenSSH always took, and what every server must take. */
const SAFE_BYTES = 32 * 1024;

/** As much as OpenSSH takes in one packet: fewer packets cost less of both processors. */
const PREFERRED_BYTES = 255 * 1024;

/** Writing back what was written may take a disk longer than any other answer. */
const FSYNC_PATIENCE_MS = 10 * 60_000;

/** The name of an open file or directory on the server; it means nothing in another session. */
export type Handle = Buffer;

export interface Entry {
  readonly name: string;
  readonly attributes: Attributes;
}

export interface Space {
  /** Bytes that this account may still write. */
  readonly available: number;
  readonly freeFiles: number;
}

const extensions = {
  posixRename: ['posix-rename@openssh.com', '1'],
  hardlink: ['hardlink@openssh.com', '1'],
  fsync: ['fsync@openssh.com', '1'],
  statvfs: ['statvfs@openssh.com', '2'],
  limits: ['limits@openssh.com', '1'],
} as const;

export type Extension = keyof typeof extensions;

const extensionNames = [
  'posixRename',
  'hardlink',
  'fsync',
  'statvfs',
  'limits',
] as const satisfies readonly Extension[];

export interface SessionOptions extends DialOptions {
  /** Silence after which a server that owes an answer is taken for dead. @default 60_000 */
  readonly silenceMs?: number | undefined;
}

/** @throws LifeboatError `unreachable`, `host-key`, `permission-denied`, `target-failed` when it is no SFTP server, … */
export async function openSession(
  destination: SshDestination,
  options: SessionOptions,
  signal: AbortSignal,
): Promise<Session> {
  const { silenceMs = 60_000 } = options;
  const client = await dialSsh(destination, options, signal);
  // Until the first answer of SFTP nobody else watches the silence: a server may log us in and then stand still.
  using limit = limited(signal, silenceMs, () => {
    const silence = Math.round(silenceMs / 1000);
    const problem = `the ssh server has let us in, and has not started its SFTP service for ${silence} s`;
    return new LifeboatError('unreachable', problem, { retryable: true });
  });
  try {
    const channel = await raceAbort(subsystem(client), limit.signal);
    const wire = new Wire(channel, silenceMs);
    client.once('close', () => channel.destroy());
    const session = new Session(client, wire);
    await raceAbort(session.greet(), limit.signal);
    return session;
  } catch (error) {
    client.destroy();
    throw error;
  }
}

function subsystem(client: Client): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const fail = (error?: Error) =>
      reject(
        new LifeboatError('unreachable', 'the ssh server does not start its SFTP service', {
          hint: 'See that its sshd_config has a line "Subsystem sftp internal-sftp".',
          // Refused is refused; a connection that is gone may come back.
          retryable: error === undefined,
          cause: error,
        }),
      );
    client.once('close', () => fail());
    client.subsys('sftp', (error, channel) => (error === undefined ? resolve(channel) : fail(error)));
  });
}

export class Session implements AsyncDisposable {
  readonly #client: Client;
  readonly #wire: Wire;
  readonly #offered = new Set<Extension>();
  #maxRead = SAFE_BYTES;
  #maxWrite = SAFE_BYTES;

  constructor(client: Client, wire: Wire) {
    this.#client = client;
    this.#wire = wire;
    client.once('close', () =>
      wire.fail(new LifeboatError('unreachable', 'the ssh connection was lost', { retryable: true })),
    );
  }

  /** Why this session is over. */
  get failure(): LifeboatError | undefined {
    return this.#wire.failure;
  }

  /** The most bytes in one `read`. */
  get maxRead(): number {
    return this.#maxRead;
  }

  /** The most bytes in one `write`. */
  get maxWrite(): number {
    return this.#maxWrite;
  }

  offers(extension: Extension): boolean {
    return this.#offered.has(extension);
  }

  /** Learns what the server can do. Called once, before anything else. */
  async greet(): Promise<void> {
    const greeting = await this.#wire.version;
    greeting.uint32();
    while (!greeting.atEnd) {
      const [name, version] = [greeting.text(), greeting.text()];
      for (const known of extensionNames) {
        if (extensions[known][0] === name && extensions[known][1] === version) this.#offered.add(known);
      }
    }
    if (!this.offers('limits')) return;
    const { body } = await this.#extended('limits');
    body.uint64();
    const [read, write] = [body.uint64(), body.uint64()];
    // 0 says that there is no limit of its own.
    if (read > 0) this.#maxRead = Math.min(read, PREFERRED_BYTES);
    if (write > 0) this.#maxWrite = Math.min(write, PREFERRED_BYTES);
  }

  /** @param flags of {@link openFlags} */
  async open(path: string, flags: number): Promise<Handle> {
    const attributes = flags & openFlags.create ? [4, 0o600] : [0];
    return handleOf(await this.#ask(types.open, types.handle, path, flags, ...attributes));
  }

  async close(handle: Handle): Promise<void> {
    await this.#ask(types.close, types.status, handle);
  }

  /** @returns at most `length` bytes, and `undefined` at the end of the file */
  async read(handle: Handle, offset: number, length: number): Promise<Buffer | undefined> {
    try {
      const data = await this.#ask(types.read, types.data, handle, BigInt(offset), length);
      const bytes = data.bytes();
      if (bytes.length > length) throw new LifeboatError('target-failed', 'the server sent more than was asked for');
      return bytes.length === 0 ? undefined : bytes;
    } catch (error) {
      if (hasStatus(error, 'eof')) return undefined;
      throw error;
    }
  }

  async write(handle: Handle, offset: number, data: Uint8Array): Promise<void> {
    await this.#ask(types.write, types.status, handle, BigInt(offset), data);
  }

  async fstat(handle: Handle): Promise<Attributes> {
    return (await this.#ask(types.fstat, types.attrs, handle)).attributes();
  }

  /** @returns `undefined` when there is no such file */
  async lstat(path: string): Promise<Attributes | undefined> {
    return this.#attributes(types.lstat, path);
  }

  /** As {@link lstat}, of what a link leads to. */
  async stat(path: string): Promise<Attributes | undefined> {
    return this.#attributes(types.stat, path);
  }

  async opendir(path: string): Promise<Handle> {
    return handleOf(await this.#ask(types.opendir, types.handle, path));
  }

  /** @returns some more entries, `undefined` when there are no more */
  async readdir(handle: Handle): Promise<readonly Entry[] | undefined> {
    try {
      return entriesOf(await this.#ask(types.readdir, types.name, handle));
    } catch (error) {
      if (hasStatus(error, 'eof')) return undefined;
      throw error;
    }
  }

  async remove(path: string): Promise<void> {
    await this.#ask(types.remove, types.status, path);
  }

  async mkdir(path: string): Promise<void> {
    await this.#ask(types.mkdir, types.status, path, 4, 0o700);
  }

  async realpath(path: string): Promise<string> {
    const [entry] = entriesOf(await this.#ask(types.realpath, types.name, path));
    if (entry === undefined) throw new LifeboatError('target-failed', 'the server does not know where its files are');
    return entry.name;
  }

  /** The protocol's own, which must not replace anything. */
  async rename(from: string, to: string): Promise<void> {
    await this.#ask(types.rename, types.status, from, to);
  }

  /** Replaces `to` in one go. */
  async posixRename(from: string, to: string): Promise<void> {
    await this.#extended('posixRename', from, to);
  }

  /** Fails when `to` is there. */
  async hardlink(from: string, to: string): Promise<void> {
    await this.#extended('hardlink', from, to);
  }

  async fsync(handle: Handle): Promise<void> {
    await this.#extended('fsync', handle);
  }

  async space(path: string): Promise<Space> {
    const { body } = await this.#extended('statvfs', path);
    body.uint64();
    const unit = body.uint64();
    const [, , available] = [body.uint64(), body.uint64(), body.uint64()];
    const [, freeFiles] = [body.uint64(), body.uint64()];
    return { available: available * unit, freeFiles };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#client, 'close');
    this.#client.end();
    await Promise.race([closed, delay(1_000)]);
    this.#client.destroy();
    this.#wire.fail(new LifeboatError('unreachable', 'the session was closed'));
  }

  async #attributes(type: number, path: string): Promise<Attributes | undefined> {
    try {
      return (await this.#ask(type, types.attrs, path)).attributes();
    } catch (error) {
      if (hasStatus(error, 'noSuchFile')) return undefined;
      throw error;
    }
  }

  async #ask(type: number, expected: number, ...fields: Parameters<Wire['request']>[1]): Promise<Reader> {
    const reply = await this.#wire.request(type, fields);
    if (reply.type !== expected) throw new LifeboatError('target-failed', 'the server gave an answer of another kind');
    return reply.body;
  }

  #extended(extension: Extension, ...fields: Parameters<Wire['request']>[1]): Promise<Reply> {
    const patienceMs = extension === 'fsync' ? FSYNC_PATIENCE_MS : 0;
    return this.#wire.request(types.extended, [extensions[extension][0], ...fields], patienceMs);
  }
}

function handleOf(reply: Reader): Handle {
  // A copy, for a view would keep the whole of what was received with it.
  return Buffer.from(reply.bytes());
}

function entriesOf(reply: Reader): readonly Entry[] {
  return Array.from({ length: reply.uint32() }, () => {
    const name = reply.text();
    reply.bytes();
    return { name, attributes: reply.attributes() };
  });
}
