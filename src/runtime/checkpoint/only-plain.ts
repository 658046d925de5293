/** An archive as it passes by on its way to tar: what no checkpoint has is refused before tar sees it. Made by GNU tar, as `pack` does. */
import { LifeboatError } from '../../kernel/errors.ts';
import { BLOCK, isZeroBlock, parseHead, text, untilNul } from '../../kernel/tar-head.ts';
import { nameFromBytes, printable } from '../../kernel/text.ts';

/** As the kernel bounds a path. */
const longestName = 4096;

interface Head {
  readonly name: string;
  readonly size: number;
  readonly type: string;
}

/**
 * Passes on what it is given: headers of files and directories below the archive's own root, their content, and the end.
 *
 * @throws LifeboatError `archive-unsafe`, `archive-damaged`
 */
export async function* onlyPlain(
  chunks: AsyncIterable<Uint8Array>,
  archive: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const unsafe = (what: string): LifeboatError =>
    new LifeboatError('archive-unsafe', `${archive} holds what no checkpoint has: ${printable(what)}`);
  /** Of the content that goes by, padding included. */
  let content = 0;
  /** Of a name that is longer than a header holds. */
  let collecting: { readonly whole: Buffer; filled: number } | undefined;
  let longName: string | undefined;
  let hasEnded = false;
  let rest: Buffer = Buffer.alloc(0);

  const head = (block: Buffer): Head => {
    const { type, size } = parseHead(block, 0);
    const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? text(block, 345, 155) : '';
    const short = text(block, 0, 100);
    return { type, size, name: prefix === '' ? short : `${prefix}/${short}` };
  };
  const check = (found: Head): void => {
    const name = longName ?? found.name;
    longName = undefined;
    if (!'05'.includes(found.type) || (found.type === '5' && found.size > 0)) throw unsafe(name);
    if (name === '' || name.startsWith('/') || name.split('/').includes('..')) throw unsafe(name);
  };

  for await (const chunk of chunks) {
    let bytes = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    const taken: Buffer[] = [];
    while (bytes.length > 0) {
      if (content > 0) {
        const part = bytes.subarray(0, content);
        if (collecting !== undefined) {
          collecting.filled += part.copy(collecting.whole, collecting.filled);
        }
        content -= part.length;
        taken.push(part);
        bytes = bytes.subarray(part.length);
        if (content === 0 && collecting !== undefined) {
          longName = nameFromBytes(untilNul(collecting.whole));
          collecting = undefined;
        }
        continue;
      }
      if (bytes.length < BLOCK) break;
      const block = bytes.subarray(0, BLOCK);
      if (hasEnded || isZeroBlock(block, 0)) {
        if (!isZeroBlock(block, 0)) throw unsafe('something behind its end');
        hasEnded = true;
      } else {
        const found = head(block);
        if (found.type === 'L') {
          if (found.size > longestName) throw unsafe(`a name of ${found.size} bytes`);
          collecting = { whole: Buffer.alloc(Math.ceil(found.size / BLOCK) * BLOCK), filled: 0 };
        } else check(found);
        content = Math.ceil(found.size / BLOCK) * BLOCK;
        taken.push(block);
      }
      bytes = bytes.subarray(BLOCK);
    }
    rest = Buffer.from(bytes);
    if (taken.length > 0) yield Buffer.concat(taken);
  }
  if (!hasEnded || content > 0 || rest.length > 0) {
    throw new LifeboatError('archive-damaged', `${archive} is damaged: it ends before its end`);
  }
  // Last of all: tar ends upon them, and then nobody would read the rest.
  yield Buffer.alloc(2 * BLOCK);
}
