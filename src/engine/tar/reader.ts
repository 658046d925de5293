/**
 * Reading a tar archive as it passes by: ustar, pax, and the GNU extensions that GNU tar itself writes.
 *
 * npm's `tar` is not used: see `docs/decisions/0006-tar-engine.md`.
 */
import type { Entry } from '../entry.ts';
import { type Content, plainContent, sparseContent } from './content.ts';
import { Hashing } from './hashing.ts';
import { BLOCK, damaged, type Head, isZeroBlock, parseHead } from '../../kernel/tar-head.ts';
import { parseHeader, parsePax } from './header.ts';
import { type Member, readMember } from './member.ts';

/** More than any set of names and attributes takes; a damaged length must not fill the memory. */
const maxExtension = 64 * 1024 * 1024;

/** @typeParam T what `begin` gives of a member is handed to its `end` */
export interface ArchiveListener<T = void> {
  /** The headers of a member are read, its content not yet. What it throws comes out of `push`. */
  begin?(member: Member): T;
  /** So many bytes more of what is stored for the member were read. */
  content?(bytes: number): void;
  /** The member is complete, and its content hashed: others may have begun since. */
  end(entry: Entry, begun: T | undefined): void;
  /** Every byte of the member after its `begin` and before the next, the headers first. */
  raw?(bytes: Buffer): void;
}

type State =
  | { readonly at: 'header' }
  | { readonly at: 'extension'; readonly head: Head; readonly data: Buffer; filled: number }
  | ContentState
  | { readonly at: 'end' };

interface ContentState {
  readonly at: 'content';
  readonly member: Member;
  readonly content: Content | undefined;
  left: number;
  padding: number;
}

export class ArchiveReader<T = void> {
  readonly #listener: ArchiveListener<T>;
  readonly #hashing: Hashing;
  #state: State = { at: 'header' };
  /** The beginning of a block whose rest is in the next chunk. */
  #partial: Buffer = Buffer.alloc(0);
  #zeroBlocks = 0;
  #globalPax = new Map<string, Buffer>();
  #pax = new Map<string, Buffer>();
  #longName: Buffer | undefined;
  #longLink: Buffer | undefined;
  /** Of a member that has not begun: whether there are extended headers of it. */
  #extendedYet = false;
  /** For `raw`: what earlier chunks held of the headers of a member, and where in this chunk begins what was not told. */
  #headers: Buffer[] = [];
  #untold = 0;
  /** What `begin` gave of the member that is being read. */
  #begun: T | undefined;
  /** Complete, but for the hashes. */
  #ended: { readonly member: Member; readonly begun: T | undefined }[] = [];

  /** @param signal ends the hashing of holes */
  constructor(listener: ArchiveListener<T>, signal?: AbortSignal) {
    this.#listener = listener;
    this.#hashing = new Hashing(signal);
  }

  /**
   * Takes the next bytes, which have to stay until the promise has settled; `raw` is told parts of them at once, and `end`
   * called before it is fulfilled. Calls need not wait for each other.
   *
   * @throws LifeboatError `archive-damaged`
   */
  async push(chunk: Uint8Array): Promise<void> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let problem: { readonly error: unknown } | undefined;
    try {
      this.#read(bytes);
    } catch (error) {
      problem = { error };
    }
    const ended = this.#ended;
    this.#ended = [];
    const hashes = await this.#hashing.run(bytes);
    let next = 0;
    for (const { member, begun } of ended) {
      const { entry } = member;
      if (entry.type === 'file') entry.sha256 = hashes[next++] ?? '';
      this.#listener.end(entry, begun);
    }
    if (problem !== undefined) throw problem.error;
  }

  /** @throws LifeboatError `archive-damaged` unless the archive has come to its end */
  finish(): void {
    if (this.#state.at !== 'end' || this.#partial.length > 0) throw damaged('its end is missing');
  }

  #read(bytes: Buffer): void {
    this.#untold = 0;
    for (let at = 0; at < bytes.length; ) {
      const state = this.#state;
      if (state.at === 'content') at = this.#content(state, bytes, at);
      else if (this.#partial.length > 0 || bytes.length - at < BLOCK) {
        const end = Math.min(bytes.length, at + BLOCK - this.#partial.length);
        this.#partial = Buffer.concat([this.#partial, bytes.subarray(at, end)]);
        at = end;
        if (this.#partial.length < BLOCK) break;
        const block = this.#partial;
        this.#partial = Buffer.alloc(0);
        this.#block(block, 0, bytes, at);
      } else {
        this.#block(bytes, at, bytes, at + BLOCK);
        at += BLOCK;
      }
    }
    this.#tell(bytes, bytes.length);
  }

  /** @param from of the block in `block`, and `at` where `bytes` go on behind it */
  #block(block: Buffer, from: number, bytes: Buffer, at: number): void {
    const state = this.#state;
    if (state.at === 'extension') this.#extension(state, block, from);
    else if (isZeroBlock(block, from)) {
      this.#zeroBlocks++;
      if (this.#extendedYet) throw damaged('a header is not followed by its file');
      if (this.#zeroBlocks >= 2) this.#state = { at: 'end' };
      this.#untold = at;
      this.#headers = [];
    } else if (state.at === 'end' || this.#zeroBlocks > 0) throw damaged('something follows its end');
    else this.#header(block, from, bytes, at);
  }

  #header(block: Buffer, from: number, bytes: Buffer, at: number): void {
    const head = parseHead(block, from);
    if (extensions.has(head.type)) {
      if (head.size > maxExtension) throw damaged('an extended header is too long');
      this.#extendedYet = true;
      this.#state = { at: 'extension', head, data: Buffer.allocUnsafe(head.size), filled: 0 };
      if (head.size === 0) this.#extended(head, Buffer.alloc(0));
      return;
    }
    const pax = this.#globalPax.size === 0 ? this.#pax : new Map([...this.#globalPax, ...this.#pax]);
    const member = readMember(parseHeader(block, from, head), pax, this.#longName, this.#longLink);
    this.#begun = this.#listener.begin?.(member);
    for (const held of this.#headers) this.#listener.raw?.(held);
    this.#headers = [];
    this.#extendedYet = false;
    if (this.#pax.size > 0) this.#pax = new Map();
    this.#longName = undefined;
    this.#longLink = undefined;
    const { entry, sparse, storedSize } = member;
    const content =
      entry.type !== 'file'
        ? undefined
        : sparse
          ? sparseContent(entry.size, this.#hashing)
          : plainContent(this.#hashing);
    const state: ContentState = { at: 'content', member, content, left: storedSize, padding: padding(storedSize) };
    this.#state = state;
    if (storedSize === 0) this.#memberEnds(state, bytes, at);
  }

  #extension(state: Extract<State, { at: 'extension' }>, block: Buffer, from: number): void {
    const length = Math.min(BLOCK, state.data.length - state.filled);
    state.filled += block.copy(state.data, state.filled, from, from + length);
    if (state.filled === state.data.length) this.#extended(state.head, state.data);
  }

  #extended(head: Head, data: Buffer): void {
    this.#state = { at: 'header' };
    if (head.type === 'x') this.#pax = parsePax(data);
    else if (head.type === 'g') for (const [key, value] of parsePax(data)) this.#globalPax.set(key, value);
    else if (head.type === 'L') this.#longName = data;
    else this.#longLink = data;
  }

  /** Returns where the content stopped. */
  #content(state: ContentState, bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + state.left);
    if (end > at) {
      state.content?.update(bytes, at, end);
      state.left -= end - at;
      this.#listener.content?.(end - at);
    }
    const skipped = Math.min(state.padding, bytes.length - end);
    state.padding -= skipped;
    if (state.left === 0 && state.padding === 0) this.#memberEnds(state, bytes, end + skipped);
    return end + skipped;
  }

  #memberEnds({ member, content }: ContentState, bytes: Buffer, at: number): void {
    content?.finish();
    this.#tell(bytes, at);
    this.#state = { at: 'header' };
    this.#ended.push({ member, begun: this.#begun });
  }

  /** Up to there, to whom wants to know. What is of headers waits for its member; its chunk may be overwritten by then. */
  #tell(bytes: Buffer, at: number): void {
    if (this.#listener.raw === undefined || at === this.#untold) return;
    const piece = bytes.subarray(this.#untold, at);
    this.#untold = at;
    if (this.#state.at === 'content') this.#listener.raw(piece);
    else this.#headers.push(Buffer.from(piece));
  }
}

const extensions: ReadonlySet<string> = new Set(['x', 'g', 'L', 'K']);

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/**
 * Passes chunks on after the reader has taken them.
 *
 * @throws LifeboatError (while iterating) `archive-damaged`, also when the archive has not come to its end
 */
export async function* reading(
  reader: Pick<ArchiveReader, 'push' | 'finish'>,
  chunks: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  for await (const chunk of chunks) {
    await reader.push(chunk);
    yield chunk;
  }
  reader.finish();
}
