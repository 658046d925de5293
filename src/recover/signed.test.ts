import { expect, test } from 'vitest';
import { newHostKey } from '../keys/host-key.ts';
import { noKeys } from '../keys/keyring.ts';
import { newRecoveryCode } from '../keys/recovery-code.ts';
import { keyringOfRecoveryCode } from '../keys/ring.ts';
import { judgeConfiguration, signConfiguration } from './signed.ts';

const now = new Date('2026-11-22T06:00:00Z');
const code = newRecoveryCode();
const key = newHostKey('web1', code, { writeOnly: false }, now);
const keys = keyringOfRecoveryCode(code);
const content = Buffer.from('{"recover":{"consent":{"serials":["S1"]}}}\n');
const signed = Buffer.from(signConfiguration(content, key, now));

test('the code vouches for what the host signed, and for nothing else', () => {
  expect(judgeConfiguration(content, signed, 'web1', keys)).toBe('trusted');
  expect(judgeConfiguration(Buffer.concat([content, content]), signed, 'web1', keys)).toBe('wrong');
  expect(judgeConfiguration(content, signed, 'web2', keys)).toBe('wrong');
  expect(judgeConfiguration(content, Buffer.from('{}'), 'web1', keys)).toBe('wrong');
  expect(judgeConfiguration(content, Buffer.from('signed'), 'web1', keys)).toBe('wrong');
  const other = newHostKey('web1', newRecoveryCode(), { writeOnly: false }, now);
  const forged = Buffer.from(signConfiguration(content, other, now));
  expect(judgeConfiguration(content, forged, 'web1', keys)).toBe('wrong');
});

test('without a signature, or a key to judge it by, nobody vouches', () => {
  expect(judgeConfiguration(content, undefined, 'web1', keys)).toBe('unsigned');
  expect(judgeConfiguration(content, signed, 'web1', noKeys)).toBe('unsigned');
});
