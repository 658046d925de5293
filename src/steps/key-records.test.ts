/** The copy of the newest key record: what is taken from the repository is put back and told. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { type HostKey, newHostKey } from '../keys/host-key.ts';
import { sealKeyRecord } from '../keys/key-record.ts';
import { newRecoveryCode } from '../keys/recovery-code.ts';
import { noneRetired } from '../keys/retired.ts';
import { memoryTarget } from '../target/memory/memory.ts';
import { getBytes, type Target } from '../target/target.ts';
import { checkKeyRecords, keyRecordKeys, type KeyRecordPlace, putKeyRecord } from './key-records.ts';

const now = new Date('2026-11-20T01:02:03Z');
const id = '0'.repeat(32);

function made(writeOnly = false): { key: HostKey; sealed: Buffer } {
  const code = newRecoveryCode();
  const key = newHostKey('web1', code, { writeOnly }, now);
  return { key, sealed: sealKeyRecord(key, code, noneRetired, now) };
}

function place(stateDir: string, target: Target = memoryTarget(stateDir)): KeyRecordPlace {
  return { target, id, stateDir, host: 'web1' };
}

test.each([false, true])('what is removed or changed is put back; write-only: %s', async (writeOnly) => {
  await using directory = await temporaryDirectory();
  const signal = AbortSignal.timeout(60_000);
  const at = place(directory.path);
  const { key, sealed } = made(writeOnly);
  await putKeyRecord(at, sealed, signal);
  expect(await checkKeyRecords(key, at, signal)).toEqual([]);
  const [name = ''] = await keyRecordKeys(at.target, 'web1', signal);
  for (const harm of [
    () => at.target.remove(name, signal),
    () => at.target.put(name, Buffer.from('other'), {}, signal),
  ]) {
    await harm();
    expect(await checkKeyRecords(key, at, signal)).toEqual([expect.stringContaining('was removed or changed')]);
    expect(await getBytes(at.target, name, 1_000_000, signal)).toEqual(sealed);
    expect(await checkKeyRecords(key, at, signal)).toEqual([]);
  }
});

test('a newer one of other keys is told; a right one is kept', async () => {
  await using directory = await temporaryDirectory();
  const signal = AbortSignal.timeout(60_000);
  const at = place(directory.path);
  const { key, sealed } = made();
  expect(await checkKeyRecords(key, at, signal)).toEqual([expect.stringContaining('no key record')]);
  await at.target.put('lifeboat/web1/keys/20261120T010203Z-000001.age', sealed, {}, signal);
  expect(await checkKeyRecords(key, at, signal)).toEqual([]);
  expect(readdirSync(join(directory.path, 'keys', id, 'web1'))).toEqual(['20261120T010203Z-000001.age']);
  await at.target.put('lifeboat/web1/keys/20261120T010204Z-000001.age', made().sealed, {}, signal);
  expect(await checkKeyRecords(key, at, signal)).toEqual([expect.stringContaining('not of the host key here')]);
});

test('of two that are made within a second, and after one of a clock that was ahead, the last is the newest', async () => {
  await using directory = await temporaryDirectory();
  const signal = AbortSignal.timeout(60_000);
  const at = place(directory.path);
  await at.target.put('lifeboat/web1/keys/20990101T000000Z-ffffff.age', made().sealed, {}, signal);
  for (let times = 0; times < 10; times++) {
    const { key, sealed } = made();
    await putKeyRecord(at, sealed, signal);
    expect(await checkKeyRecords(key, at, signal)).toEqual([]);
  }
});

test('a name of a stranger that none can come after is told, and keeps no record from being kept', async () => {
  await using directory = await temporaryDirectory();
  const signal = AbortSignal.timeout(60_000);
  const at = place(directory.path);
  await at.target.put('lifeboat/web1/keys/99991231T235959Z-ffffff.age', made().sealed, {}, signal);
  const { key, sealed } = made();
  await putKeyRecord(at, sealed, signal);
  expect(readdirSync(join(directory.path, 'keys', id, 'web1'))).toHaveLength(1);
  expect(await checkKeyRecords(key, at, signal)).toEqual([expect.stringContaining('not of the host key here')]);
});

test('a record that reads back otherwise is an error', async () => {
  await using directory = await temporaryDirectory();
  const signal = AbortSignal.timeout(60_000);
  const target = memoryTarget(directory.path);
  const at = place(directory.path, {
    ...target,
    put: (key, _bytes, options, one) => target.put(key, Buffer.from('lost'), options, one),
  });
  await expect(putKeyRecord(at, made().sealed, signal)).rejects.toMatchObject({ code: 'target-failed' });
});
