/** Where the content of a file lies in what is stored for it; the holes of a sparse file are hashed as the zeros they read as. */
import type { Hashing } from './hashing.ts';
import { BLOCK, damaged } from '../../kernel/tar-head.ts';

export interface Content {
  /** Takes the bytes from `start` to `end`, in order; they are hashed by the next `run`. */
  update(bytes: Buffer, start: number, end: number): void;
  finish(): void;
}

/** A file that is stored as it is. */
export function plainContent(hashing: Hashing): Content {
  return {
    update: (_, start, end) => hashing.bytes(start, end - start),
    finish: () => hashing.end(),
  };
}

/** A file in GNU's sparse format 1.0: a list of extents in decimal lines, padded to a block, then the extents' data. */
export function sparseContent(realSize: number, hashing: Hashing): Content {
  const map: number[] = [];
  let mapBytes = 0;
  let digits = '';
  let inMap = true;
  let position = 0;
  let extent = 0;

  function fill(until: number): void {
    if (until > position) hashing.zeros(until - position);
    position = Math.max(position, until);
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

  /** Reads lines of the map; returns where it stopped. */
  function readMap(bytes: Buffer, start: number, end: number): number {
    for (let index = start; index < end; index++) {
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
    return end;
  }

  return {
    update(bytes, start, end) {
      let at = start;
      if (inMap) {
        at = readMap(bytes, start, end);
        if (inMap) return;
        mapBytes = (BLOCK - (mapBytes % BLOCK)) % BLOCK;
      }
      const padding = Math.min(mapBytes, end - at);
      mapBytes -= padding;
      at += padding;
      while (at < end) {
        const from = map[1 + 2 * extent];
        const length = map[2 + 2 * extent];
        if (from === undefined || length === undefined) throw damaged('a sparse file has data beyond its map');
        fill(from);
        const part = Math.min(end - at, from + length - position);
        hashing.bytes(at, part);
        position += part;
        at += part;
        if (position >= from + length) extent++;
      }
    },
    finish() {
      if (inMap) throw damaged('the map of a sparse file is cut off');
      fill(realSize);
      if (position !== realSize) throw damaged('the map of a sparse file does not fit its size');
      hashing.end();
    },
  };
}
