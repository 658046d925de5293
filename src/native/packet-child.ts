/**
 * A child process at the other end of a SEQPACKET socket, and the end of children that Node did not start itself. Node can make no
 * such socket, pass no descriptors, and wait only for what it spawned.
 */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { addon, type ChildNews } from './addon.ts';
import { bytesArgument, fdArgument, integerArgument, textArgument, wrongArgument } from './arguments.ts';
import { checked } from './outcome.ts';

/** How a process ended. */
export type ChildEnd = { readonly code: number } | { readonly signal: string };

export interface Packet {
  readonly bytes: Buffer;
  /** Descriptors that came with it; whoever gets the packet closes them. */
  readonly descriptors: readonly number[];
}

export interface PacketChild {
  readonly pid: number;
  /** Never rejects. Until it is settled the pid is that of this child and no other's. */
  readonly ended: Promise<ChildEnd>;
  /** @throws SystemError `EPIPE` where the child is gone or the socket is shut, `EAGAIN` where it does not read */
  send(bytes: Uint8Array, descriptors?: readonly number[]): void;
  /** The child reads the end of the stream from now on. */
  shut(): void;
  /** Does nothing once the child has ended. */
  kill(signal: 'SIGTERM' | 'SIGSTOP' | 'SIGKILL'): void;
}

export interface PacketChildOptions {
  /** All of the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Where its standard output and error go; standard input is empty. */
  readonly output: number;
  /** Descriptors that it has after {@link childSocket}: as 4 and so on. At most 16. */
  readonly inherited?: readonly number[];
}

/** The child finds its end of the socket there. */
export const childSocket = 3;
const mostDescriptors = 16;

/**
 * Starts a program in a session of its own, with all signals as they are by default.
 *
 * @param told of each packet, in order, before `ended`
 * @throws SystemError where it cannot be started, such as `ENOENT`
 */
export function startPacketChild(
  argv: readonly [string, ...string[]],
  options: PacketChildOptions,
  told: (packet: Packet) => void,
): PacketChild {
  const end = Promise.withResolvers<ChildEnd>();
  let socket: number | undefined;
  const news: ChildNews = (bytes, rest) => {
    if (bytes !== null) {
      told({ bytes, descriptors: rest as number[] });
      return;
    }
    if (socket !== undefined) closeSync(socket);
    socket = undefined;
    end.resolve(childEnd(rest as number));
  };
  const variables = Object.entries(options.env).map(([name, value]) => `${name}=${value}`);
  const outcome = addon().startPacketChild(
    strings('argv', argv),
    strings('env', variables),
    fdArgument('startPacketChild', options.output),
    descriptorBytes('startPacketChild', options.inherited ?? []),
    news,
  );
  const made = checked(outcome, 'posix_spawn', argv[0]) as Buffer;
  const pid = made.readInt32LE(0);
  socket = made.readInt32LE(4);
  return {
    pid,
    ended: end.promise,
    send(bytes, descriptors = []) {
      const packet = bytesArgument('sendPacket', 'bytes', bytes);
      const passed = descriptorBytes('sendPacket', descriptors);
      // As the system says it of a socket whose other end is gone.
      const sent = socket === undefined ? -constants.errno.EPIPE : addon().sendPacket(socket, packet, passed);
      checked(sent, 'sendmsg');
    },
    shut() {
      if (socket !== undefined) addon().shutPackets(socket);
    },
    kill(signal) {
      if (socket !== undefined) process.kill(pid, signal);
    },
  };
}

/**
 * Waits for a child of this process that Node did not spawn, and reaps it. Does not keep this process running.
 *
 * @throws SystemError `ECHILD` where it is no child of ours
 */
export async function childEnded(pid: number): Promise<ChildEnd> {
  const end = Promise.withResolvers<ChildEnd>();
  const child = integerArgument('watchChild', 'pid', pid, 1, 0x7fffffff);
  checked(
    addon().watchChild(child, (_, status) => end.resolve(childEnd(status as number))),
    'waitid',
  );
  return await end.promise;
}

/** @param status as wait(2) gives it */
function childEnd(status: number): ChildEnd {
  const number = status & 0x7f;
  if (number === 0) return { code: (status >> 8) & 0xff };
  const name = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  return { signal: name ?? `signal ${number}` };
}

function strings(name: string, values: readonly string[]): Buffer {
  return Buffer.concat(values.map((value) => textArgument('startPacketChild', name, value)));
}

function descriptorBytes(verb: string, descriptors: readonly number[]): Buffer {
  if (descriptors.length > mostDescriptors) {
    throw wrongArgument(verb, 'descriptors', `at most ${mostDescriptors}`, descriptors.length);
  }
  const all = Int32Array.from(descriptors, (fd) => fdArgument(verb, fd));
  return Buffer.from(all.buffer);
}
