/**
 * File names are bytes, not text. Inside lifeboat they are strings in which a byte that is not part of valid UTF-8
 * stands as the lone surrogate U+DC00 + byte (Python's "surrogateescape"): reversible, and safe in JSON.
 */
import { isUtf8 } from 'node:buffer';

const SURROGATE = 0xdc00;

/** Length of the valid UTF-8 sequence at `index`, or 0. */
function sequenceLength(bytes: Uint8Array, index: number): number {
  const lead = bytes[index] ?? 0;
  const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  return length > 0 && isUtf8(bytes.subarray(index, index + length)) && index + length <= bytes.length ? length : 0;
}

/** A name as it stands in the filesystem → a string that {@link nameToBytes} turns back. */
export function nameFromBytes(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString('utf8');
  let result = '';
  for (let index = 0; index < buffer.length; ) {
    const length = sequenceLength(buffer, index);
    result +=
      length === 0
        ? String.fromCharCode(SURROGATE + (buffer[index] ?? 0))
        : buffer.toString('utf8', index, index + length);
    index += Math.max(length, 1);
  }
  return result;
}

/** The bytes of a name that {@link nameFromBytes} gave, or of any ordinary string. */
export function nameToBytes(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name, 'utf8');
  const parts = name.split(/([\udc80-\udcff])/u).map((part) => {
    const code = part.length === 1 ? part.charCodeAt(0) : 0;
    // Only bytes from 0x80 on are ever escaped: "\udc2f" must not become a slash.
    return code >= SURROGATE + 0x80 && code <= SURROGATE + 0xff
      ? Buffer.of(code - SURROGATE)
      : Buffer.from(part, 'utf8');
  });
  return Buffer.concat(parts);
}

/** What ends a line, moves the cursor or turns the direction of text, and what is no character at all. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Cs}]/gu;

/** Text from outside, safe to print: control characters and undecodable bytes become visible escapes. */
export function printable(text: string): string {
  return text.replace(unprintable, (char) => {
    const code = char.charCodeAt(0);
    if (code === 0x0a) return '\\n';
    if (code === 0x09) return '\\t';
    if (code > SURROGATE && code <= SURROGATE + 0xff) return `\\x${(code - SURROGATE).toString(16)}`;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
