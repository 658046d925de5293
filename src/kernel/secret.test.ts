import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { REDACTED, redact, redactText, Secret } from './secret.ts';

const value = 'correct horse battery';
const secret = new Secret(value);

test.each([
  ['String()', () => String(secret)],
  ['a template', () => `a${String(secret)}`],
  ['concatenation', () => `a${secret.toString()}`],
  ['JSON', () => JSON.stringify({ deep: [{ secret }] })],
  ['inspect', () => inspect({ deep: { secret } }, { depth: 9, showHidden: true })],
  ['keys', () => inspect([Object.keys(secret), Object.entries(secret)])],
  ['a copy', () => JSON.stringify(Object.assign({}, secret))],
  ['an error', () => inspect(new Error(`cannot log in with ${String(secret)}`))],
])('a secret is not in %s', (_way, print) => {
  expect(print()).not.toContain(value);
});

test('reveal gives it', () => {
  expect(secret.reveal()).toBe(value);
});

test('text that holds a known secret is redacted wherever it stands', () => {
  expect(redactText(`--password=${value} and ${value}`)).toBe(`--password=${REDACTED} and ${REDACTED}`);
});

test('a secret of a few letters does not blank out ordinary text', () => {
  expect(new Secret('abc').reveal()).toBe('abc');
  expect(redactText('abcdef')).toBe('abcdef');
});

test.each([
  ['https://user:hunter22@host/path', `https://user:${REDACTED}@host/path`],
  ['sftp://u:p%40ss@h:22 s3+http://k:v@h', `sftp://u:${REDACTED}@h:22 s3+http://k:${REDACTED}@h`],
  ['https://user:p@ss@host/a@b', `https://user:${REDACTED}@host/a@b`],
  ['https://:onlypass@host', `https://:${REDACTED}@host`],
  ['https://host:8080/a@b', 'https://host:8080/a@b'],
  ['sftp://user@host:22/backup', 'sftp://user@host:22/backup'],
  ['12:30 mail a@b', '12:30 mail a@b'],
])('URL %s', (text, expected) => {
  expect(redactText(text)).toBe(expected);
});

test('redaction goes into lists and objects, and looks at keys', () => {
  const given = {
    user: 'me',
    password: 'letmein1',
    deep: [{ apiToken: 'abcd1234', list: [`x ${value}`] }, secret],
    'private-key': 'PEM',
    recoveryCode: '1-2-3',
    count: 3,
    nothing: null,
  };
  expect(redact(given)).toEqual({
    user: 'me',
    password: REDACTED,
    deep: [{ apiToken: REDACTED, list: [`x ${REDACTED}`] }, REDACTED],
    'private-key': REDACTED,
    recoveryCode: REDACTED,
    count: 3,
    nothing: null,
  });
  expect(given.password).toBe('letmein1');
});
