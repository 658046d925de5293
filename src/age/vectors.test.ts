/** The test vectors of the format's authors: see `test/fixtures/age/README.md`. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { LifeboatError } from '../kernel/errors.ts';
import { decryptBytes, decrypting, parseIdentity } from './age.ts';
import type { Identity } from './keys.ts';

const directory = fileURLToPath(new URL('../../test/fixtures/age/', import.meta.url));
const names = readdirSync(directory).filter((name) => name !== 'README.md');

const codeOf: Readonly<Record<string, string | undefined>> = {
  success: undefined,
  'no match': 'no-key',
  'HMAC failure': 'archive-damaged',
  'header failure': 'archive-damaged',
  'payload failure': 'archive-damaged',
};

interface Vector {
  readonly expected: string | undefined;
  readonly payload: string;
  readonly identities: readonly Identity[];
  readonly file: Buffer;
}

function readVector(name: string): Vector {
  const bytes = readFileSync(`${directory}${name}`);
  const end = bytes.indexOf('\n\n');
  const pairs = bytes
    .subarray(0, end)
    .toString()
    .split('\n')
    .map((line) => line.split(': '));
  const valuesOf = (key: string) => pairs.flatMap(([name, value]) => (name === key && value ? [value] : []));
  const [expect = ''] = valuesOf('expect');
  if (!(expect in codeOf)) throw new Error(`${name} expects ${expect}`);
  const file = bytes.subarray(end + 2);
  return {
    expected: codeOf[expect],
    payload: valuesOf('payload')[0] ?? sha256(Buffer.alloc(0)),
    identities: valuesOf('identity').map(parseIdentity),
    file: valuesOf('compressed').length > 0 ? inflateSync(file) : file,
  };
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function* inPieces(bytes: Buffer, length: number) {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

test('all vectors are there', () => expect(names.length).toBeGreaterThan(60));

test.each(names)('%s', async (name) => {
  const { expected, payload, identities, file } = readVector(name);
  for (const length of [file.length + 1, 65_536, 1000]) {
    const given: Buffer[] = [];
    let code: string | undefined;
    try {
      for await (const piece of decrypting(inPieces(file, length), identities)) given.push(piece);
    } catch (error) {
      if (!(error instanceof LifeboatError)) throw error;
      code = error.code;
    }
    expect(code).toBe(expected);
    // What is given before an error must be the beginning of the truth; large pieces may hold some of it back.
    if (expected === undefined) expect(sha256(Buffer.concat(given))).toBe(payload);
  }
  if (expected === undefined) expect(sha256(decryptBytes(file, identities))).toBe(payload);
  else expect(() => decryptBytes(file, identities)).toThrow(expect.objectContaining({ code: expected }));
});
