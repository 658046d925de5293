/**
 * CRIU as a child process that is asked by messages, `criu swrk`: one request after another, with the notifications between, and its end
 * in every case.
 */
import { randomUUID } from 'node:crypto';
import { closeSync } from 'node:fs';
import { asLifeboatError, hasErrno, LifeboatError } from '../kernel/errors.ts';
import { abortError, limited, raceAbort, throwIfAborted } from '../kernel/wait.ts';
import { childSocket, startPacketChild, type ChildEnd, type Packet, type PacketChild } from '../native/packet-child.ts';
import { request, type RequestType } from './messages.ts';
import { decide, type NotificationName, type Notifications } from './notifications.ts';
import type { CriuCommand, Limits } from './options.ts';
import { signalIfThere, treeOf, withEnvironment } from './processes.ts';
import { parseResponse, type Response } from './response.ts';
import { encode, type Values } from './wire.ts';

export interface Question {
  readonly type: RequestType;
  readonly values: Values;
  readonly on: Notifications;
  readonly limitMs: number;
  /** Once this one has consented, what was asked for is done, and an abort comes too late. */
  readonly pointOfNoReturn?: NotificationName;
  /** Called before CRIU is killed, which lets the tree go that it holds. */
  readonly beforeKill?: () => Promise<void>;
}

/** How an exchange ended that has no answer. */
export interface Broken {
  readonly error: LifeboatError;
  /** CRIU was killed, or died, so that nobody has undone what it did. */
  readonly isTorn: boolean;
  /** Processes that this CRIU had made and that were killed after it. */
  readonly killed: readonly number[];
}

export type Outcome =
  | { readonly response: Response; readonly descriptors: readonly number[]; readonly refusal?: LifeboatError }
  | Broken;

const variable = 'LIFEBOAT_CRIU';

export class Swrk {
  readonly #child: PacketChild;
  readonly #word = `${variable}=${randomUUID()}`;
  readonly #graceMs: number;
  readonly #packets: Packet[] = [];
  #arrived = Promise.withResolvers<void>();
  #end: ChildEnd | undefined;
  #leavesChildren = false;

  /**
   * @param output a descriptor for what CRIU writes before it has a log
   * @param inherited descriptors that CRIU has as 4 and so on
   * @throws LifeboatError `tool-missing`, `native-missing`
   */
  constructor(command: CriuCommand, output: number, inherited: readonly number[], limits: Limits) {
    this.#graceMs = limits.graceMs ?? 5000;
    const [name = '', value = ''] = this.#word.split('=');
    const env = { PATH: programPath(), HOME: '/', LC_ALL: 'C', [name]: value };
    try {
      this.#child = startPacketChild([...command, 'swrk', `${childSocket}`], { env, output, inherited }, (packet) => {
        this.#packets.push(packet);
        this.#arrived.resolve();
      });
    } catch (cause) {
      if (hasErrno(cause, 'ENOENT')) throw criuMissing(command);
      throw cause;
    }
    void this.#child.ended.then((end) => {
      this.#end = end;
      this.#arrived.resolve();
    });
  }

  /** From now on its children are what it was asked for, and outlive it also where it is killed. */
  leaveChildren(): void {
    this.#leavesChildren = true;
  }

  /** Sends one request and answers notifications until the answer comes. Never leaves a request unfinished that it has given up. */
  async exchange(question: Question, signal: AbortSignal): Promise<Outcome> {
    const tooLong = () =>
      new LifeboatError('criu-timeout', `CRIU has not finished within ${question.limitMs / 1000} s: ${question.type}`);
    using limit = limited(signal, question.limitMs, tooLong);
    let isDone = false;
    let refusal: LifeboatError | undefined;
    try {
      throwIfAborted(limit.signal);
      this.#send(question.type, question.values);
      for (;;) {
        const packet = await raceAbort(this.#next(), limit.signal);
        const response = parseResponse(packet.bytes);
        if (response.type !== 'notify') return answer(response, packet, refusal);
        try {
          const decision = await raceAbort(decide(question.on, response, packet, limit.signal), limit.signal);
          if (!decision.goesOn) refusal ??= refused(response);
          else if (response.notify?.script === question.pointOfNoReturn) isDone = true;
          this.#send('notify', { notifySuccess: decision.goesOn, options: decision.options });
        } catch (error) {
          throwIfAborted(limit.signal);
          refusal ??= asLifeboatError(error);
          this.#send('notify', { notifySuccess: false });
        }
      }
    } catch (error) {
      if (isDone && limit.signal.aborted) {
        const late = await this.#lateAnswer();
        if (late !== undefined) return late;
      }
      const known = limit.signal.aborted ? abortError(limit.signal) : asLifeboatError(error);
      return { error: refusal ?? known, ...(await this.end(question.beforeKill)) };
    }
  }

  /**
   * Ends CRIU: by the end of the stream, upon which it undoes what it was at, and by force when it does not. What it had made is
   * killed with it then.
   */
  async end(beforeKill?: () => Promise<void>): Promise<Pick<Broken, 'isTorn' | 'killed'>> {
    this.#child.shut();
    const end = await this.#endWithin(this.#graceMs);
    if (end !== undefined && 'code' in end) return { isTorn: false, killed: [] };
    await beforeKill?.();
    const killed = await this.#killAll();
    return { isTorn: true, killed };
  }

  /** CRIU itself, and what it has started or restored, which may be no child of it any more. */
  async #killAll(): Promise<readonly number[]> {
    // It makes no more processes while it is looked at.
    this.#child.kill('SIGSTOP');
    const own = new Set(
      this.#leavesChildren ? [] : [...(await treeOf(this.#child.pid)), ...(await withEnvironment(this.#word))],
    );
    own.delete(this.#child.pid);
    own.delete(process.pid);
    this.#child.kill('SIGKILL');
    for (const pid of own) signalIfThere(pid, 'SIGKILL');
    await this.#child.ended;
    return [...own];
  }

  async #endWithin(ms: number): Promise<ChildEnd | undefined> {
    const never = new AbortController().signal;
    using limit = limited(never, ms, () => new LifeboatError('criu-timeout', 'CRIU does not end'));
    // The limit alone can fail: the end itself never does.
    return await raceAbort(this.#child.ended, limit.signal).catch(() => undefined);
  }

  /** The answer to what was done already, where CRIU still gives it. */
  async #lateAnswer(): Promise<Outcome | undefined> {
    const never = new AbortController().signal;
    using limit = limited(never, this.#graceMs, () => new LifeboatError('criu-timeout', 'no answer'));
    try {
      for (;;) {
        const packet = await raceAbort(this.#next(), limit.signal);
        const response = parseResponse(packet.bytes);
        if (response.type !== 'notify') return answer(response, packet, undefined);
        for (const fd of packet.descriptors) closeSync(fd);
        this.#send('notify', { notifySuccess: true });
      }
    } catch {
      return undefined;
    }
  }

  #send(type: RequestType, values: Values): void {
    try {
      this.#child.send(encode(request, { type, ...values }));
    } catch (error) {
      // That it is gone is told by what it said last, and by its end.
      if (!hasErrno(error, 'EPIPE', 'ECONNRESET', 'ENOTCONN')) throw error;
    }
  }

  async #next(): Promise<Packet> {
    for (;;) {
      const packet = this.#packets.shift();
      if (packet !== undefined) return packet;
      if (this.#end !== undefined) throw new LifeboatError('criu-failed', `CRIU has ended: ${endText(this.#end)}`);
      this.#arrived = Promise.withResolvers();
      await this.#arrived.promise;
    }
  }
}

function answer(response: Response, { descriptors }: Packet, refusal: LifeboatError | undefined): Outcome {
  return { response, descriptors, ...(refusal === undefined ? {} : { refusal }) };
}

function refused({ notify }: Response): LifeboatError {
  return new LifeboatError('criu-failed', `CRIU was told to stop at ${notify?.script}, and undid what it had done`);
}

export function criuMissing([program]: CriuCommand): LifeboatError {
  return new LifeboatError('tool-missing', `no such program: ${program}`, {
    hint: 'Install CRIU 4.2 or newer: apt-get install criu (Debian: from sid or backports; docs/containers.md).',
  });
}

function endText(end: ChildEnd): string {
  return 'code' in end ? `exit status ${end.code}` : `killed by ${end.signal}`;
}

function programPath(): string {
  return process.env['PATH'] ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
}
