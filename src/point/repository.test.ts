import { expect, test } from 'vitest';
import { memoryTarget } from '../target/memory/memory.ts';
import type { Target } from '../target/target.ts';
import { initRepository, openRepository } from './repository.ts';

const now = new Date('2026-11-20T02:00:00Z');
const fresh = () => memoryTarget('repository', new Map());

const hostile = (id: string) =>
  JSON.stringify({ format: 'lifeboat.repository/1', id, engine: 'tar', createdAt: now.toISOString() });

test('is made once, and opened as what it was made', async ({ signal }) => {
  const target = fresh();
  const made = await initRepository(target, 'tar', now, signal);
  expect(made).toMatchObject({ format: 'lifeboat.repository/1', engine: 'tar', createdAt: now.toISOString() });
  expect(await openRepository(target, signal)).toEqual(made);
  await expect(initRepository(target, 'tar', now, signal)).rejects.toMatchObject({ code: 'exists' });
  expect(await openRepository(target, signal)).toEqual(made);
  expect((await initRepository(fresh(), 'tar', now, signal)).id).not.toBe(made.id);
});

test('is made once where the target cannot keep two writers apart, too', async ({ signal }) => {
  const target: Target = { ...fresh(), traits: { ...fresh().traits, exclusivePut: false } };
  const made = await initRepository(target, 'tar', now, signal);
  await expect(initRepository(target, 'tar', now, signal)).rejects.toMatchObject({ code: 'exists' });
  expect(await openRepository(target, signal)).toEqual(made);
});

test('of two who make it at once one does', async ({ signal }) => {
  const target = fresh();
  const both = [1, 2].map(() => initRepository(target, 'tar', now, signal));
  const results = await Promise.allSettled(both);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});

test.for([
  [undefined, 'no-repository', /there is no lifeboat repository at memory:repository/],
  ['', 'record-damaged', /is not JSON/],
  [
    '{"format":"lifeboat.repository/1"}',
    'record-damaged',
    /lifeboat\/repository\.json at memory:repository is damaged: id: /,
  ],
  [hostile('../../../victim'), 'record-damaged', /is damaged: id: /],
  [hostile('A'.repeat(32)), 'record-damaged', /is damaged: id: /],
  ['{"format":"lifeboat.repository/2"}', 'newer-format', /newer than lifeboat\.repository\/1/],
  ['{"format":"other/1"}', 'record-damaged', /format/],
] as const)('a marker %j', async ([text, code, message], { signal }) => {
  const target = fresh();
  if (text !== undefined) await target.put('lifeboat/repository.json', Buffer.from(text), {}, signal);
  await expect(openRepository(target, signal)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});
