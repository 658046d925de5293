/**
 * Reading a tar archive as it passes by: ustar, pax, and the GNU extensions that GNU tar itself writes.
 *
 * npm's `tar` is not used: see `docs/decisions/0006-tar-engine.md`.
 */
import { setImmediate } from 'node:timers/promises';
import type { Entry } from '../entry.ts';
import { type Content, plainContent, sparseContent } from './content.ts';
import { BLOCK, damaged, type Header, isZeroBlock, parseHeader, parsePax } from './header.ts';
import { type Member, readMember } from './member.ts';

/** More than any set of names and attributes takes; a damaged length must not fill the memory. */
const maxExtension = 64 * 1024 * 1024;

export interface ArchiveListener {
  /** The headers of a member are read, its content not yet. What it throws comes out of `push`. */
  begin?(member: Member): void;
  /** So many bytes more of what is stored for the member were read. */
  content?(bytes: number): void;
  /** The member is complete. */
  end(entry: Entry): void;
  /** Every byte of the member between its `begin` and `end`, the headers first. */
  raw?(bytes: Buffer): void;
}

type State =
  | { readonly at: 'header' }
  | { readonly at: 'extension'; readonly header: Header; readonly data: Buffer; filled: number }
  | {
      readonly at: 'content';
      readonly member: Member;
      readonly content: Content | undefined;
      left: number;
      padding: number;
    }
  | { readonly at: 'end' };

export class ArchiveReader {
  readonly #listener: ArchiveListener;
  #state: State = { at: 'header' };
  /** The beginning of a block whose rest is in the next chunk. */
  #partial: Buffer = Buffer.alloc(0);
  #zeroBlocks = 0;
  #globalPax = new Map<string, Buffer>();
  #pax = new Map<string, Buffer>();
  #longName: Buffer | undefined;
  #longLink: Buffer | undefined;
  /** Of a member that has not begun: whether there are extended headers of it, and for `raw` themselves. */
  #extendedYet = false;
  #headers: Buffer[] = [];

  constructor(listener: ArchiveListener) {
    this.#listener = listener;
  }

  /**
   * Takes the next bytes, of which nothing is kept but for the listener's `raw`. Yields where much was computed at once.
   *
   * @throws LifeboatError `archive-damaged`
   */
  *push(chunk: Uint8Array): Generator<void> {
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (bytes.length > 0) {
      const state = this.#state;
      if (state.at === 'content') bytes = yield* this.#content(state, bytes);
      else {
        if (this.#partial.length > 0 || bytes.length < BLOCK) {
          const missing = BLOCK - this.#partial.length;
          this.#partial = Buffer.concat([this.#partial, bytes.subarray(0, missing)]);
          bytes = bytes.subarray(missing);
          if (this.#partial.length < BLOCK) break;
          const block = this.#partial;
          this.#partial = Buffer.alloc(0);
          yield* this.#block(block);
        } else {
          yield* this.#block(bytes.subarray(0, BLOCK));
          bytes = bytes.subarray(BLOCK);
        }
      }
    }
    if (this.#state.at === 'content') this.#state.content?.release();
    // A chunk may be overwritten after this.
    this.#headers = this.#headers.map((block) => Buffer.from(block));
  }

  /** @throws LifeboatError `archive-damaged` unless the archive has come to its end */
  finish(): void {
    if (this.#state.at !== 'end' || this.#partial.length > 0) throw damaged('its end is missing');
  }

  *#block(block: Buffer): Generator<void> {
    const state = this.#state;
    if (state.at === 'extension') this.#extension(state, block);
    else if (isZeroBlock(block)) {
      this.#zeroBlocks++;
      if (this.#extendedYet) throw damaged('a header is not followed by its file');
      if (this.#zeroBlocks >= 2) this.#state = { at: 'end' };
    } else if (state.at === 'end' || this.#zeroBlocks > 0) throw damaged('something follows its end');
    else yield* this.#header(block);
  }

  *#header(block: Buffer): Generator<void> {
    const header = parseHeader(block);
    this.#keep(block);
    if (/[xgLK]/.test(header.type)) {
      if (header.size > maxExtension) throw damaged('an extended header is too long');
      this.#extendedYet = true;
      this.#state = { at: 'extension', header, data: Buffer.allocUnsafe(header.size), filled: 0 };
      if (header.size === 0) this.#extended(header, Buffer.alloc(0));
      return;
    }
    const pax = this.#globalPax.size === 0 ? this.#pax : new Map([...this.#globalPax, ...this.#pax]);
    const member = readMember(header, pax, this.#longName, this.#longLink);
    this.#listener.begin?.(member);
    if (this.#listener.raw) for (const bytes of this.#headers) this.#listener.raw(bytes);
    this.#headers = [];
    this.#extendedYet = false;
    if (this.#pax.size > 0) this.#pax = new Map();
    this.#longName = undefined;
    this.#longLink = undefined;
    const { entry, sparse, storedSize } = member;
    const content = entry.type !== 'file' ? undefined : sparse ? sparseContent(entry.size) : plainContent();
    const state = { at: 'content', member, content, left: storedSize, padding: padding(storedSize) } as const;
    this.#state = state;
    if (storedSize === 0) yield* this.#memberEnds(state);
  }

  #extension(state: Extract<State, { at: 'extension' }>, block: Buffer): void {
    this.#keep(block);
    state.filled += block.copy(state.data, state.filled, 0, Math.min(BLOCK, state.data.length - state.filled));
    if (state.filled === state.data.length) this.#extended(state.header, state.data);
  }

  #keep(block: Buffer): void {
    if (this.#listener.raw) this.#headers.push(block);
  }

  #extended(header: Header, data: Buffer): void {
    this.#state = { at: 'header' };
    if (header.type === 'x') this.#pax = parsePax(data);
    else if (header.type === 'g') for (const [key, value] of parsePax(data)) this.#globalPax.set(key, value);
    else if (header.type === 'L') this.#longName = data;
    else this.#longLink = data;
  }

  *#content(state: Extract<State, { at: 'content' }>, bytes: Buffer): Generator<void, Buffer> {
    const data = bytes.subarray(0, state.left);
    if (data.length > 0) for (const _ of state.content?.update(data) ?? []) yield;
    state.left -= data.length;
    if (data.length > 0) this.#listener.content?.(data.length);
    const skipped = Math.min(state.padding, bytes.length - data.length);
    state.padding -= skipped;
    const used = data.length + skipped;
    this.#listener.raw?.(bytes.subarray(0, used));
    if (state.left === 0 && state.padding === 0) yield* this.#memberEnds(state);
    return bytes.subarray(used);
  }

  *#memberEnds(state: Extract<State, { at: 'content' }>): Generator<void> {
    this.#state = { at: 'header' };
    const { entry } = state.member;
    if (state.content === undefined) this.#listener.end(entry);
    else this.#listener.end({ ...entry, sha256: yield* state.content.finish() });
  }
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/**
 * Passes chunks on after the reader has taken them.
 *
 * @param atEnd looks at how the source ended; what it throws says more than that the end is missing
 * @throws LifeboatError (while iterating) `archive-damaged`, also when the archive has not come to its end
 */
export async function* reading(
  reader: ArchiveReader,
  chunks: AsyncIterable<Uint8Array>,
  atEnd: () => Promise<void> = async () => undefined,
): AsyncIterable<Uint8Array> {
  for await (const chunk of chunks) {
    for (const _ of reader.push(chunk)) await setImmediate();
    yield chunk;
  }
  await atEnd();
  reader.finish();
}
