import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LifeboatError } from '../kernel/errors.ts';
import { redactText } from '../kernel/secret.ts';
import { formatRecoveryCode, newRecoveryCode, parseRecoveryCode } from './recovery-code.ts';

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const secret = fc.uint8Array({ minLength: 16, maxLength: 16 });
const anyCode = secret.map((secret) => formatRecoveryCode({ secret }));

/** What a person who typed this is told. */
function told(text: string): string {
  try {
    parseRecoveryCode(text);
  } catch (error) {
    if (error instanceof LifeboatError && error.code === 'usage') return `${error.message} | ${error.hint}`;
    throw error;
  }
  throw new Error('it was taken');
}

describe('as printed', () => {
  test('seven groups of five', () => {
    fc.assert(
      fc.property(anyCode, (code) => {
        expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{5}-){6}[0-9A-HJKMNP-TV-Z]{5}$/);
      }),
    );
  });

  test('of a known secret, as docs/keys.md has it', () => {
    const secret = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
    expect(formatRecoveryCode({ secret })).toMatchInlineSnapshot(`"000GC-40R4Y-0M301-E209M-185G2-R38EE-1WHM1"`);
  });

  test('no two are the same, and none is printed by an error or a log', () => {
    const codes = Array.from({ length: 100 }, () => formatRecoveryCode(newRecoveryCode()));
    expect(new Set(codes).size).toBe(100);
    const [code = ''] = codes;
    const typed = [code, code.toLowerCase(), code.replaceAll('-', ''), code.replaceAll('-', ' ')];
    for (const form of typed) expect(redactText(`typed: ${form}!`)).toBe('typed: [redacted]!');
  });
});

describe('as typed', () => {
  test('reads back, however it is spaced and whatever case', () => {
    fc.assert(
      fc.property(secret, fc.constantFrom(' ', '-', '', '\n', ' - ', '  '), fc.boolean(), (secret, gap, lower) => {
        const text = formatRecoveryCode({ secret }).replaceAll('-', gap);
        const typed = ` ${lower ? text.toLowerCase() : text}\n`.replaceAll('0', lower ? 'o' : 'O').replaceAll('1', 'l');
        expect([...parseRecoveryCode(typed).secret]).toEqual([...secret]);
      }),
    );
  });

  test('one wrong character: its group is named', () => {
    fc.assert(
      fc.property(anyCode, fc.nat(34), fc.nat(31), (code, at, other) => {
        const place = at + Math.floor(at / 5);
        const wrong = alphabet[other] ?? '';
        fc.pre(code[place] !== wrong);
        expect(told(code.slice(0, place) + wrong + code.slice(place + 1))).toContain(
          `group ${Math.floor(at / 5) + 1} of the recovery code is not as printed`,
        );
      }),
      { numRuns: 1000 },
    );
  });

  test('any two characters of a group that changed places: the group is named', () => {
    fc.assert(
      fc.property(anyCode, fc.nat(6), fc.nat(4), fc.nat(4), (code, group, a, b) => {
        const groups = code.split('-').map((text) => Array.from(text));
        const one = groups[group] ?? [];
        fc.pre(one[a] !== one[b]);
        [one[a], one[b]] = [one[b] ?? '', one[a] ?? ''];
        expect(told(groups.map((one) => one.join('')).join('-'))).toContain(`group ${group + 1} of`);
      }),
      { numRuns: 1000 },
    );
  });

  test('two groups that changed places: both are named, and the reason', () => {
    fc.assert(
      fc.property(anyCode, fc.nat(6), fc.nat(6), (code, a, b) => {
        fc.pre(a < b);
        const groups = code.split('-');
        [groups[a], groups[b]] = [groups[b] ?? '', groups[a] ?? ''];
        const said = told(groups.join(' '));
        expect(said).toContain(`groups ${a + 1} and ${b + 1} of the recovery code are`);
        expect(said).toContain('in the wrong order');
      }),
    );
  });

  test('groups of two sheets: found by the checksum over all of them', () => {
    const [a, b] = ['00', 'ff'].map((byte) => formatRecoveryCode({ secret: Buffer.from(byte.repeat(16), 'hex') }));
    const mixed = [...(a?.split('-').slice(0, 3) ?? []), ...(b?.split('-').slice(3) ?? [])].join('-');
    expect(told(mixed)).toContain('together they are not one code');
  });

  const code = formatRecoveryCode({ secret: Buffer.alloc(16, 0x5a) });
  test.each([
    ['', 'has 0 characters, and should have 35'],
    [code.slice(0, -1), 'group 7 of the recovery code has 4 characters, not 5'],
    [code.replaceAll('-', '').slice(1), 'has 34 characters, and should have 35'],
    [`${code}A`, 'group 7 of the recovery code has 6 characters'],
    [`${code}-AAAAA`, 'has 40 characters'],
    [code.replace(/^./, 'U'), 'group 1 of the recovery code has a U'],
    [code.replace(/.$/, '!'), 'group 7 of the recovery code has a character that no recovery code has'],
    [code.replace(/.$/, 'ü'), 'group 7 of the recovery code has a character that no recovery code has'],
    [code.replace(/.$/, '😀'), 'group 7'],
  ])('what is wrong is said (%#)', (text, message) => expect(told(text)).toContain(message));
});
