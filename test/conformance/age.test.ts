/** Our age beside Debian's, in both directions. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decryptBytes, decrypting, encryptBytes, encrypting, identityText, parseIdentity } from '../../src/age/age.ts';
import { derive } from '../../src/keys/derive.ts';
import { findAge } from '../helpers/age.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const found = await findAge().then(
  (directory) => ({ directory, reason: '' }),
  (error: Error) => ({ directory: '', reason: error.message }),
);
if (found.reason) console.warn(`skipped: ${found.reason}`);
const chunk = 64 * 1024;
const lengths = [0, 1, chunk - 1, chunk, chunk + 1, 8 * chunk, 9 * chunk + 17];

async function* inPieces(bytes: Buffer) {
  for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
}

async function all(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of source) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

test.skipIf(found.directory === '').each(lengths)('%i bytes', async (length) => {
  await using directory = await temporaryDirectory();
  const at = (name: string) => join(directory.path, name);
  const age = (...args: readonly string[]) => execFileSync(join(found.directory, 'age'), args);
  execFileSync(join(found.directory, 'age-keygen'), ['-o', at('theirs')], { stdio: 'ignore' });
  const theirs = parseIdentity(/^AGE-SECRET-KEY-.*$/m.exec(readFileSync(at('theirs'), 'utf8'))?.[0] ?? '');
  const ours = derive(randomBytes(16)).identity;
  writeFileSync(at('ours'), `${identityText(ours)}\n`);
  const bytes = randomBytes(length);
  writeFileSync(at('plain'), bytes);

  // Their file, opened by us: with a key of theirs and with one of ours.
  age('-r', theirs.recipient.text, '-r', ours.recipient.text, '-o', at('made-by-age'), at('plain'));
  const made = readFileSync(at('made-by-age'));
  for (const identity of [theirs, ours]) {
    expect(decryptBytes(made, [identity]).equals(bytes)).toBe(true);
    expect((await all(decrypting(inPieces(made), [identity]))).equals(bytes)).toBe(true);
  }

  // Ours, opened by them.
  const recipients = [ours.recipient, theirs.recipient];
  for (const sealed of [encryptBytes(bytes, recipients), await all(encrypting(inPieces(bytes), recipients))]) {
    writeFileSync(at('made-by-us'), sealed);
    for (const key of ['ours', 'theirs']) {
      expect(age('-d', '-i', at(key), at('made-by-us')).equals(bytes)).toBe(true);
    }
    writeFileSync(at('cut'), sealed.subarray(0, -1));
    expect(() =>
      execFileSync(join(found.directory, 'age'), ['-d', '-i', at('ours'), at('cut')], { stdio: 'pipe' }),
    ).toThrow();
  }
});
