import { expect, test } from 'vitest';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { noKeys } from '../keys/keyring.ts';
import { layoutSchema } from '../layout/types.ts';
import { memoryTarget } from '../target/memory/memory.ts';
import { testKeyring } from '../../test/helpers/keyring.ts';
import { keepHeaders } from './escrow.ts';

const names = { hostName: 'box', pointId: '20261120T020000Z-aaaaaa' };
const capturedAt = '2026-11-20T02:00:00.000Z';
const bare = { format: 'lifeboat.layout/1', capturedAt, components: [], gaps: [] };
const layout = layoutSchema.parse({
  ...bare,
  components: [
    { kind: 'luks', id: 'luks:one', uuid: 'one', on: [], sizeBytes: 1, open: false, header: { file: '/dev/dead' } },
  ],
});

/** On which every question ends like this. */
function failing(code: 'command-timeout' | 'tool-missing' | 'interrupted'): Host {
  const fail = async () => {
    throw new LifeboatError(code, `dd: ${code}`);
  };
  const stream = () => {
    throw new Error('nothing is streamed');
  };
  return { name: 'dead', run: fail, read: fail, write: fail, stream, [Symbol.asyncDispose]: async () => undefined };
}

test('what does not answer is told and on record, and ends nothing', async ({ signal }) => {
  const repository = { target: memoryTarget('escrow', new Map()), keys: testKeyring() };
  const said: unknown[] = [];
  for (const code of ['command-timeout', 'tool-missing'] as const) {
    const kept = await keepHeaders(failing(code), layout, repository, names, (one) => said.push(one), signal);
    expect(kept).toMatchObject({
      volumes: [],
      missing: [
        { subject: '/dev/dead', problem: `dd: ${code}` },
        { subject: 'luks:one', problem: 'its LUKS header is not kept: /dev/dead cannot be read' },
      ],
    });
  }
  expect(said).toContainEqual({
    type: 'note',
    text: 'luks:one: its LUKS header is not kept: /dev/dead cannot be read',
  });
  expect(await Array.fromAsync(repository.target.list('', signal))).toEqual([]);
});

test('what waits for a dead device since the capture is not asked again', async ({ signal }) => {
  const repository = { target: memoryTarget('escrow', new Map()), keys: testKeyring() };
  const asked: string[] = [];
  const host: Host = {
    ...failing('command-timeout'),
    run: async ([program]) => {
      asked.push(program);
      const waiting = 'D 60 dd if=/dev/dead bs=4096 count=1 status=none\n';
      return { code: 0, stdout: Buffer.from(program === 'ps' ? waiting : ''), stderr: '' };
    },
  };
  const kept = await keepHeaders(host, layout, repository, names, () => undefined, signal);
  expect(kept?.missing).toHaveLength(2);
  expect(asked).toEqual(['ps']);
});

test('who interrupts the run is heard', async () => {
  const repository = { target: memoryTarget('escrow', new Map()), keys: testKeyring() };
  const signal = AbortSignal.abort(new LifeboatError('interrupted', 'enough'));
  const kept = keepHeaders(failing('interrupted'), layout, repository, names, () => undefined, signal);
  await expect(kept).rejects.toThrow('enough');
});

test('nothing is read for a repository that is not encrypted, nor where there is no LUKS', async ({ signal }) => {
  const target = memoryTarget('escrow', new Map());
  const host = failing('command-timeout');
  const plain = await keepHeaders(host, layout, { target, keys: noKeys }, names, () => undefined, signal);
  expect(plain?.missing).toEqual([
    { subject: 'LUKS headers', problem: 'not kept, as the repository is not encrypted' },
  ]);
  const none = layoutSchema.parse(bare);
  expect(
    await keepHeaders(host, none, { target, keys: testKeyring() }, names, () => undefined, signal),
  ).toBeUndefined();
});
