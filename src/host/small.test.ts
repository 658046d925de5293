import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Secret } from '../kernel/secret.ts';
import { commandText } from './child.ts';
import { missingToolHint, packageOf } from './packages.ts';
import { localHost } from './local.ts';
import { recordedHost } from './recorded.ts';
import { recordingHost } from './recording.ts';
import { shellQuote, shellWords } from './quote.ts';
import { Lines, Tail } from './streams.ts';

test.each([
  ['', "''"],
  ['plain', "'plain'"],
  ["it's", "'it'\\''s'"],
  ['$(id)\n', "'$(id)\n'"],
])('quoting %j', (word, quoted) => {
  expect(shellQuote(word)).toBe(quoted);
});

test('a shell reads quoted words as they were', () => {
  const word = fc.string({ unit: 'binary', maxLength: 20 }).map((text) => text.toWellFormed().replaceAll('\0', ''));
  const words = fc.array(word, { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(words, (given) => {
      const script = `printf '%s\\0' ${shellWords(given)}`;
      const read = execFileSync('sh', ['-c', script]).toString('utf8').split('\0').slice(0, -1);
      expect(read).toEqual(given);
    }),
    { numRuns: 20 },
  );
});

test('a command is shown on one line and without secrets', () => {
  const secret = new Secret('correct horse');
  expect(commandText(['mount', '-o', 'a=b', '/a b', "it's\n", secret.reveal()])).toBe(
    "mount -o a=b '/a b' 'it'\\''s\\n' '[redacted]'",
  );
  expect(commandText(['x', 'y'.repeat(1000)]).length).toBeLessThan(410);
});

test('packages of tools', () => {
  expect(packageOf('lsblk')).toBe('util-linux');
  expect(packageOf('/usr/bin/zstd')).toBe('zstd');
  expect(packageOf('no-such-tool')).toBeUndefined();
  expect(missingToolHint('ip')).toContain('apt-get install iproute2');
});

test('the tail of many writes is their end', () => {
  const tail = new Tail(10);
  for (let number = 0; number < 5000; number += 1) tail.push(Buffer.from(`${number},`));
  expect(tail.text()).toBe('4998,4999,');
});

test('lines are whole however they arrive', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-é]{1,8}$/)), fc.integer({ min: 1, max: 7 }), (lines, step) => {
      const got: string[] = [];
      const cut = new Lines((line) => got.push(line), 1000);
      const bytes = Buffer.from(lines.join('\n'));
      for (let at = 0; at < bytes.length; at += step) cut.push(bytes.subarray(at, at + step));
      cut.end();
      expect(got).toEqual(lines);
    }),
  );
});

test('the answers of a recording to the same question come in order, and the last stays', async () => {
  const argv = ['lsblk'];
  const host = recordedHost({
    commands: ['one', 'two'].map((stdout) => ({ argv, code: 0, stdout, stderr: '' })),
  });
  const ask = async () => (await host.run(['lsblk'], {}, new AbortController().signal)).stdout.toString();
  expect([await ask(), await ask(), await ask()]).toEqual(['one', 'two', 'two']);
  expect(() => recordedHost({ commands: [{ argv: [] }] })).toThrow('not a recording of a host');
});

test('a recording holds no secret, also none that was learnt after it was recorded', async ({ signal }) => {
  await using local = localHost();
  const { host, recording } = recordingHost(local);
  await host.run(['echo', 'key=late-known-secret'], {}, signal);
  const secret = new Secret('late-known-secret');
  expect(JSON.stringify(recording())).not.toContain(secret.reveal());
  expect(recording().commands[0]?.stdout).toBe('key=[redacted]\n');
});
