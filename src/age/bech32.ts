/** Bech32 (BIP 173), in which age writes its keys: 5 bits in a character, and a checksum over all of them. */

const alphabet = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
const CHECKSUM_LENGTH = 6;

/** @param prefix in lower case, as `age` */
export function bech32(prefix: string, data: Uint8Array): string {
  const values = regroup(data, 8, 5, true) ?? [];
  const polymod = checksum([...expand(prefix), ...values, 0, 0, 0, 0, 0, 0]) ^ 1;
  const check = Array.from({ length: CHECKSUM_LENGTH }, (_, i) => (polymod >> (5 * (5 - i))) & 31);
  return `${prefix}1${[...values, ...check].map((value) => alphabet[value]).join('')}`;
}

/** @returns `undefined` for text that is no Bech32, or has another prefix */
export function parseBech32(prefix: string, text: string): Buffer | undefined {
  const lower = text.toLowerCase();
  if (text !== lower && text !== text.toUpperCase()) return undefined;
  if (!lower.startsWith(`${prefix}1`)) return undefined;
  const values = Array.from(lower.slice(prefix.length + 1), (character) => alphabet.indexOf(character));
  if (values.includes(-1) || values.length < CHECKSUM_LENGTH) return undefined;
  if (checksum([...expand(prefix), ...values]) !== 1) return undefined;
  const data = regroup(values.slice(0, -CHECKSUM_LENGTH), 5, 8, false);
  return data && Buffer.from(data);
}

function expand(prefix: string): number[] {
  const codes = Array.from(prefix, (character) => character.charCodeAt(0));
  return [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
}

function checksum(values: readonly number[]): number {
  let sum = 1;
  for (const value of values) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    for (const [bit, term] of generator.entries()) {
      if ((top >> bit) & 1) sum ^= term;
    }
  }
  return sum;
}

/** Groups of `from` bits as groups of `to` bits; without `pad`, what is left over must be short and zero. */
function regroup(data: Iterable<number>, from: number, to: number, pad: boolean): number[] | undefined {
  const result: number[] = [];
  let bits = 0;
  let held = 0;
  for (const value of data) {
    held = (held << from) | value;
    bits += from;
    while (bits >= to) {
      bits -= to;
      result.push(held >> bits);
      held &= (1 << bits) - 1;
    }
  }
  if (pad) {
    if (bits > 0) result.push(held << (to - bits));
  } else if (bits >= from || held !== 0) return undefined;
  return result;
}
