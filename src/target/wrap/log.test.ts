import { expect, test } from 'vitest';
import { faultyTarget, fullAfter } from '../../../test/fault/faulty-target.ts';
import { keysBelow, read } from '../conformance/case.ts';
import { memoryTarget } from '../memory/memory.ts';
import { type TargetCall, withLog } from './log.ts';

test('tells about each call once: verb, key, bytes, time, and what went wrong', async ({ signal }) => {
  const calls: TargetCall[] = [];
  const memory = memoryTarget('log', new Map());
  const target = withLog(faultyTarget(memory, [{ verb: 'put', call: 3, does: fullAfter(4) }]), (call) =>
    calls.push(call),
  );
  async function* stream() {
    yield Buffer.from('12345');
  }
  await target.put('a', Buffer.from('123'), {}, signal);
  await target.put('b', stream(), {}, signal);
  await expect(target.put('c', stream(), {}, signal)).rejects.toThrow();
  await read(target, 'a', { offset: 1, length: 2 }, signal);
  await expect(read(target, 'missing', undefined, signal)).rejects.toThrow();
  for await (const _ of target.get('b', undefined, signal)) break;
  await target.stat('a', signal);
  await keysBelow(target, '', signal);
  await target.remove('a', signal);
  const ms = expect.any(Number);
  expect(calls).toEqual([
    { verb: 'put', key: 'a', bytes: 3, ms },
    { verb: 'put', key: 'b', bytes: 5, ms },
    { verb: 'put', key: 'c', bytes: 5, ms, error: 'no-space' },
    { verb: 'get', key: 'a', bytes: 2, ms },
    { verb: 'get', key: 'missing', bytes: 0, ms, error: 'not-found' },
    { verb: 'get', key: 'b', bytes: 5, ms },
    { verb: 'stat', key: 'a', bytes: 0, ms },
    { verb: 'list', key: '', bytes: 0, ms },
    { verb: 'remove', key: 'a', bytes: 0, ms },
  ]);
});
