import { expect, test } from 'vitest';
import { objectsOf, sandbox } from '../../test/helpers/cli.ts';
import { loadConfig } from '../config/load.ts';
import { localHost } from '../host/local.ts';
import { lock } from './prepare.ts';

test('who dies while it takes the lock has said before which one it is', async ({ signal }) => {
  await using box = await sandbox();
  const config = await loadConfig(box.config);
  const identity = { name: 'box', machineId: 'm', bootId: 'b', keyId: 'k' };
  const locks = () => objectsOf(box).filter((key) => key.endsWith('/lock'));
  const context = { host: localHost(), runId: 'run', say: () => {}, secrets: { get: () => undefined }, signal };
  const said: unknown[] = [];
  const atEnd = async (_name: string, input: unknown): Promise<void> => {
    expect(locks()).toEqual([]);
    said.push(input);
  };
  const { lockId } = await lock.run({ ...context, atEnd, state: { config, identity, hostName: 'box' } } as never);
  expect(said).toEqual([{ config, key: 'lifeboat/box/lock', id: lockId }]);
  expect(locks()).toEqual(['lifeboat/box/lock']);
  await lock.cleanups?.['release']?.(said[0] as never, context as never);
  expect(locks()).toEqual([]);
});
