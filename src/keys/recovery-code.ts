/**
 * The recovery code: 128 random bits as a person copies them from paper.
 *
 * Seven groups of five characters of Crockford's base32. The first four of a group carry 20 bits of data, the fifth
 * checks them: one wrong character, two that changed places, and a group in another's place are always found, and the
 * group is named. The last 12 bits of data check the whole. `docs/keys.md` has the arithmetic.
 */
import { createHash, randomBytes } from 'node:crypto';
import { LifeboatError } from '../kernel/errors.ts';
import { Secret } from '../kernel/secret.ts';

export const SECRET_LENGTH = 16;

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const GROUPS = 7;
const DATA_CHARACTERS = 4;
const GROUP_LENGTH = DATA_CHARACTERS + 1;
const CHECKSUM_BITS = 12n;
const CHECKSUM_DOMAIN = 'lifeboat recovery code';

/** What the code means. The text that a person types is {@link formatRecoveryCode} of it. */
export interface RecoveryCode {
  /** 16 bytes. */
  readonly secret: Uint8Array;
}

export function newRecoveryCode(): RecoveryCode {
  return { secret: randomBytes(SECRET_LENGTH) };
}

/** `7H3KQ-…`: to be shown once, and kept out of every log. */
export function formatRecoveryCode({ secret }: RecoveryCode): string {
  const bits = (BigInt(`0x${Buffer.from(secret).toString('hex')}`) << CHECKSUM_BITS) | BigInt(checksum(secret));
  const count = GROUPS * DATA_CHARACTERS;
  const data = Array.from({ length: count }, (_, at) => Number((bits >> BigInt(5 * (count - 1 - at))) & 31n));
  const groups = Array.from({ length: GROUPS }, (_, place) => {
    const values = data.slice(place * DATA_CHARACTERS, (place + 1) * DATA_CHARACTERS);
    return [...values, checkOf(values, place)].map((value) => alphabet[value]).join('');
  });
  const text = groups.join('-');
  // From now on no message of this process repeats it, in any form that a person might type.
  for (const form of [text, text.replaceAll('-', ' '), text.replaceAll('-', '')]) {
    void new Secret(form);
    void new Secret(form.toLowerCase());
  }
  return text;
}

/**
 * Reads what a person typed: small letters, O for 0, I and L for 1, blanks and dashes anywhere are fine.
 *
 * @throws LifeboatError `usage`, which names the group that is wrong and repeats nothing of the code
 */
export function parseRecoveryCode(text: string): RecoveryCode {
  const groups = groupsOf(text);
  const wrong = groups.flatMap((values, place) => (isRight(values, place) ? [] : [place]));
  if (wrong.length > 0) throw wrongGroups(groups, wrong);
  let bits = 0n;
  for (const values of groups) for (const value of values.slice(0, -1)) bits = (bits << 5n) | BigInt(value);
  const hex = (bits >> CHECKSUM_BITS).toString(16).padStart(2 * SECRET_LENGTH, '0');
  const code: RecoveryCode = { secret: Buffer.from(hex, 'hex') };
  if (Number(bits & ((1n << CHECKSUM_BITS) - 1n)) !== checksum(code.secret)) {
    throw mistyped('each group of the recovery code is well formed, but together they are not one code', [
      'Is it all from one sheet? Compare every group with it.',
    ]);
  }
  formatRecoveryCode(code);
  return code;
}

function groupsOf(text: string): number[][] {
  const normal = text.toUpperCase().replaceAll('O', '0').replace(/[IL]/g, '1');
  const parts = normal.split(/[\s\-–—_.]+/).filter((part) => part !== '');
  const asGroups = parts.length === GROUPS;
  const characters = Array.from(parts.join(''));
  const strange = characters.findIndex((character) => !alphabet.includes(character));
  if (strange !== -1) {
    const place = asGroups
      ? parts.findIndex((part) => Array.from(part).some((one) => !alphabet.includes(one)))
      : undefined;
    const group = (place ?? Math.floor(strange / GROUP_LENGTH)) + 1;
    const what = characters[strange] === 'U' ? 'a U' : 'a character that no recovery code has';
    throw mistyped(`group ${group} of the recovery code has ${what}`, [
      'It is made of digits and of letters without U.',
    ]);
  }
  const short = asGroups ? parts.findIndex((part) => part.length !== GROUP_LENGTH) : -1;
  if (short !== -1) {
    throw mistyped(`group ${short + 1} of the recovery code has ${parts[short]?.length} characters, not 5`, []);
  }
  if (characters.length !== GROUPS * GROUP_LENGTH) {
    throw mistyped(`the recovery code has ${characters.length} characters, and should have 35: 7 groups of 5`, []);
  }
  const values = characters.map((character) => alphabet.indexOf(character));
  return Array.from({ length: GROUPS }, (_, place) => values.slice(place * GROUP_LENGTH, (place + 1) * GROUP_LENGTH));
}

function wrongGroups(groups: readonly (readonly number[])[], wrong: readonly number[]): LifeboatError {
  const names = wrong.map((place) => place + 1);
  const list = names.length === 1 ? `group ${names[0]}` : `groups ${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
  const moved = wrong.every((place) => wrong.some((other) => other !== place && isRight(groups[place] ?? [], other)));
  return mistyped(`${list} of the recovery code ${names.length === 1 ? 'is' : 'are'} not as printed`, [
    moved
      ? 'They look like groups in the wrong order.'
      : 'Compare with the sheet: 8 and B, 5 and S, 2 and Z look alike.',
  ]);
}

function mistyped(message: string, hints: readonly string[]): LifeboatError {
  return new LifeboatError('usage', message, {
    hint: [...hints, 'Large or small letters, blanks and dashes do not matter; O is read as 0, I and L as 1.'].join(
      ' ',
    ),
  });
}

function isRight(values: readonly number[], place: number): boolean {
  return checkOf(values.slice(0, -1), place) === values.at(-1);
}

/**
 * In the field of 32 elements: the place, plus each value times a factor of its own. Factors that all differ, from 1 too,
 * find what one wrong character or two swapped ones change; the place finds swapped groups.
 */
function checkOf(values: readonly number[], place: number): number {
  return values.reduce((sum, value, at) => sum ^ times(value, 2 << at), place + 1);
}

/** Product of two polynomials over GF(2), modulo x⁵+x²+1. */
function times(a: number, b: number): number {
  let product = 0;
  for (let [x, y] = [a, reduced(b)]; x > 0; x >>= 1, y = reduced(y << 1)) if (x & 1) product ^= y;
  return product;
}

function reduced(value: number): number {
  return value & 32 ? value ^ 0b100101 : value;
}

function checksum(secret: Uint8Array): number {
  const digest = createHash('sha256').update(CHECKSUM_DOMAIN).update(secret).digest();
  return digest.readUInt16BE(0) >> 4;
}
