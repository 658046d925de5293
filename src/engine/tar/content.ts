/** Hashing of a file's content as it passes by; the holes of a sparse file are hashed as the zeros they read as. */
import { createHash, hash, type Hash } from 'node:crypto';
import { BLOCK, damaged } from './header.ts';

export interface Content {
  /** Takes data in order and may keep it until the next call of anything. Yields where much was hashed at once, so that the caller can let others run. */
  update(bytes: Buffer): Iterable<void>;
  /** Keeps nothing of what it took any more. */
  release(): void;
  /** The SHA-256 in hexadecimal. */
  finish(): Generator<void, string>;
}

const none: readonly void[] = [];
const zeros = Buffer.alloc(1024 * 1024);
const zerosAtOnce = 16;

/** A file that is stored as it is. */
export function plainContent(): Content {
  let sha: Hash | undefined;
  /** All there is so far: most files come in one piece, and are hashed in one call. */
  let first: Buffer | undefined;
  const begin = (): Hash => {
    sha ??= createHash('sha256').update(first ?? '');
    first = undefined;
    return sha;
  };
  return {
    update: (bytes) => {
      if (sha === undefined && first === undefined) first = bytes;
      else begin().update(bytes);
      return none;
    },
    release: () => {
      if (first !== undefined) begin();
    },
    // oxlint-disable-next-line require-yield -- nothing is left to hash
    finish: function* () {
      return sha ? sha.digest('hex') : hash('sha256', first ?? '', 'hex');
    },
  };
}

/** A file in GNU's sparse format 1.0: a list of extents in decimal lines, padded to a block, then the extents' data. */
export function sparseContent(realSize: number): Content {
  const sha = createHash('sha256');
  const map: number[] = [];
  let mapBytes = 0;
  let digits = '';
  let inMap = true;
  let position = 0;
  let extent = 0;

  function* fill(until: number): Generator<void> {
    for (let round = 1; position < until; round++) {
      const length = Math.min(zeros.length, until - position);
      sha.update(length === zeros.length ? zeros : zeros.subarray(0, length));
      position += length;
      if (round % zerosAtOnce === 0) yield;
    }
  }

  function checkExtents(): void {
    let end = 0;
    for (let index = 1; index < map.length; index += 2) {
      const start = map[index] ?? 0;
      if (start < end) throw damaged('the map of a sparse file is out of order');
      end = start + (map[index + 1] ?? 0);
    }
    if (end > realSize) throw damaged('the map of a sparse file does not fit its size');
  }

  /** Reads lines of the map; returns how many bytes it took. */
  function readMap(bytes: Buffer): number {
    for (let index = 0; index < bytes.length; index++) {
      mapBytes++;
      const byte = bytes[index] ?? 0;
      if (byte !== 0x0a) {
        if (byte < 0x30 || byte > 0x39 || digits.length > 15) throw damaged('the map of a sparse file cannot be read');
        digits += String.fromCharCode(byte);
        continue;
      }
      map.push(Number(digits));
      digits = '';
      if (map.length === 1 + 2 * (map[0] ?? 0)) {
        checkExtents();
        inMap = false;
        return index + 1;
      }
    }
    return bytes.length;
  }

  return {
    update: function* (bytes) {
      let rest = bytes;
      if (inMap) {
        rest = rest.subarray(readMap(rest));
        if (inMap) return;
        mapBytes = (BLOCK - (mapBytes % BLOCK)) % BLOCK;
      }
      const padding = Math.min(mapBytes, rest.length);
      mapBytes -= padding;
      rest = rest.subarray(padding);
      while (rest.length > 0) {
        const start = map[1 + 2 * extent];
        const length = map[2 + 2 * extent];
        if (start === undefined || length === undefined) throw damaged('a sparse file has data beyond its map');
        yield* fill(start);
        const part = rest.subarray(0, start + length - position);
        sha.update(part);
        position += part.length;
        rest = rest.subarray(part.length);
        if (position >= start + length) extent++;
      }
    },
    release: () => undefined,
    finish: function* () {
      if (inMap) throw damaged('the map of a sparse file is cut off');
      yield* fill(realSize);
      if (position !== realSize) throw damaged('the map of a sparse file does not fit its size');
      return sha.digest('hex');
    },
  };
}
