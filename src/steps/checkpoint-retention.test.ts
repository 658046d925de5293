import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { openEngine } from '../engine/engines.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { checkpointOwner } from '../point/checkpoints.ts';
import { suffixes } from '../point/envelope.ts';
import { recordKey } from '../point/names.ts';
import { memoryTarget } from '../target/memory/memory.ts';
import { testKeyring } from '../../test/helpers/keyring.ts';
import { discardUnrecorded, unreadProblem } from './checkpoint-retention.ts';

const id = '20261120T020000Z-aaaaaa';
const data = `tar/${checkpointOwner('box')}/${id}.tar.zst.age`;

test.each(suffixes)('data on record stays, also where nobody here can read %s', async (suffix) => {
  const { signal } = new AbortController();
  const target = memoryTarget('retention', new Map());
  const repository = { target, keys: { ...testKeyring(), identities: [] }, engine: openEngine('tar') };
  await target.put(data, Readable.from([Buffer.from('sealed')]), { ifAbsent: true }, signal);
  const key = recordKey('box', 'checkpoints', id, suffix);
  await target.put(key, Readable.from([Buffer.from('sealed')]), { ifAbsent: true }, signal);
  await discardUnrecorded(repository, 'box', id, signal);
  expect(await target.stat(data, signal)).toBeDefined();
  await target.remove(key, signal);
  await discardUnrecorded(repository, 'box', id, signal);
  expect(await target.stat(data, signal)).toBeUndefined();
});

test('what cannot be looked at is told, of a host that can write only when there are too many', () => {
  const { identities } = testKeyring();
  const unread = (code: 'no-key' | 'record-damaged', many: number) =>
    Array.from({ length: many }, (_, index) => ({ id: `${index}`, error: new LifeboatError(code, 'unread') }));
  expect(unreadProblem({ identities }, [], 3)).toBeUndefined();
  expect(unreadProblem({ identities }, unread('record-damaged', 1), 3)).toMatch(/^1 of the checkpoints could not/);
  expect(unreadProblem({ identities }, unread('no-key', 2), 3)).toMatch(/^2 of the checkpoints could not/);
  expect(unreadProblem({ identities: [] }, unread('no-key', 3), 3)).toBeUndefined();
  expect(unreadProblem({ identities: [] }, unread('no-key', 4), 3)).toMatch(/write only.* the 4 checkpoints/);
  expect(unreadProblem({ identities: [] }, unread('record-damaged', 1), 3)).toMatch(/^1 of the checkpoints could not/);
});
