/** The asking end of a channel. */
import { asLifeboatError, LifeboatError } from '../../kernel/errors.ts';
import { raceAbort } from '../../kernel/wait.ts';
import { abortable } from '../abortable.ts';
import type { Body, TargetTraits } from '../target.ts';
import { type Call, errorOf, helloSchema, parsed } from './calls.ts';
import { Inbox, Outbox } from './flow.ts';
import { CHANNEL_FORMAT, creditOf, type Frame, frame, framesOf, jsonFrame, jsonOf, nonsense } from './frames.ts';
import type { Link } from './link.ts';

/** A call under way. */
interface Asked {
  readonly id: number;
  /** The bytes that are answered, before the result. */
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly result: PromiseWithResolvers<unknown>;
}

export class ChannelSession implements Disposable {
  readonly #link: Link;
  readonly #calls = new Map<number, Asked>();
  readonly #greeting = Promise.withResolvers<TargetTraits>();
  #last = 0;
  #lost: LifeboatError | undefined;

  constructor(link: Link) {
    this.#link = link;
    this.#greeting.promise.catch(ignored);
    this.#hearAll().catch(ignored);
  }

  /** Nothing can be asked any more. */
  get isOver(): boolean {
    return this.#lost !== undefined;
  }

  /** What the storage at the other end can do. @throws LifeboatError `unreachable`, `newer-format` */
  async greet(signal: AbortSignal): Promise<TargetTraits> {
    this.#link.outgoing.push(jsonFrame('hello', 0, { format: CHANNEL_FORMAT }));
    return await raceAbort(this.#greeting.promise, signal);
  }

  /** Asks what has neither a body nor bytes for an answer. */
  async ask(call: Call, signal: AbortSignal): Promise<unknown> {
    const asked = this.#open(call);
    try {
      return await raceAbort(asked.result.promise, signal);
    } finally {
      this.#close(asked);
    }
  }

  async send(call: Call, body: Body, signal: AbortSignal): Promise<unknown> {
    const asked = this.#open(call);
    const { id, outbox, result } = asked;
    // An answer before the end of the body is a refusal: nobody takes the rest.
    const refused = new AbortController();
    result.promise.then(
      () => refused.abort(nonsense()),
      (error: unknown) => refused.abort(asLifeboatError(error)),
    );
    const both = AbortSignal.any([signal, refused.signal]);
    try {
      for await (const chunk of abortable(body, both)) await outbox.send(chunk, both);
      this.#link.outgoing.push(frame('end', id));
      return await raceAbort(result.promise, signal);
    } finally {
      this.#close(asked);
    }
  }

  async *receive(call: Call, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const asked = this.#open(call);
    try {
      yield* abortable(asked.inbox, signal);
      await raceAbort(asked.result.promise, signal);
    } finally {
      this.#close(asked);
    }
  }

  [Symbol.dispose](): void {
    this.#lose(new LifeboatError('unreachable', 'the channel was closed'));
  }

  #open(call: Call): Asked {
    if (this.#lost !== undefined) throw this.#lost;
    this.#last += 1;
    const id = this.#last;
    const link = this.#link;
    const asked = { id, inbox: new Inbox(link, id), outbox: new Outbox(link, id), result: Promise.withResolvers() };
    asked.result.promise.catch(ignored);
    this.#calls.set(id, asked);
    link.outgoing.push(jsonFrame('call', id, call));
    return asked;
  }

  /** Of one that is answered nothing more is said. */
  #close({ id }: Asked): void {
    if (this.#calls.delete(id)) this.#link.outgoing.push(frame('cancel', id));
  }

  async #hearAll(): Promise<void> {
    try {
      for await (const one of framesOf(this.#link.incoming)) this.#hear(one);
      this.#lose(new LifeboatError('unreachable', 'the other end of the channel is gone', { retryable: true }));
    } catch (error) {
      this.#lose(asLifeboatError(error));
    }
  }

  #hear(said: Frame): void {
    if (said.kind === 'hello') return this.#meet(said);
    const asked = this.#calls.get(said.id);
    // What comes of one that was given up was on its way already.
    if (asked === undefined) return;
    switch (said.kind) {
      case 'data':
        return asked.inbox.push(said.payload);
      case 'credit':
        return asked.outbox.grant(creditOf(said));
      case 'result': {
        const value = jsonOf(said);
        this.#calls.delete(said.id);
        asked.result.resolve(value);
        return asked.inbox.end();
      }
      case 'error': {
        const error = errorOf(said);
        this.#calls.delete(said.id);
        asked.result.reject(error);
        return asked.inbox.fail(error);
      }
      case 'call':
      case 'end':
      case 'cancel':
        throw nonsense();
    }
  }

  #meet(said: Frame): void {
    const { format, traits } = parsed(helloSchema, jsonOf(said));
    if (format === CHANNEL_FORMAT) return this.#greeting.resolve(traits);
    throw new LifeboatError(
      'newer-format',
      `the other end of the channel speaks ${format}, and this one ${CHANNEL_FORMAT}`,
    );
  }

  #lose(error: LifeboatError): void {
    this.#lost ??= error;
    this.#greeting.reject(this.#lost);
    for (const { inbox, result } of this.#calls.values()) {
      result.reject(this.#lost);
      inbox.fail(this.#lost);
    }
    this.#calls.clear();
    this.#link.close();
  }
}

/** Whoever waits for it hears of it there. */
function ignored(): void {
  return;
}
