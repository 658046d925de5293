import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Host } from '../host/host.ts';
import { localHost } from '../host/local.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { noKeys } from '../keys/keyring.ts';
import { layoutSchema } from '../layout/types.ts';
import { headerImage } from '../point/escrow.ts';
import { listPoints, putPoint } from '../point/records.ts';
import type { Repository } from '../point/record-objects.ts';
import { memoryTarget } from '../target/memory/memory.ts';
import { dyingTarget } from '../../test/helpers/dying-target.ts';
import { testKeyring } from '../../test/helpers/keyring.ts';
import { luksImage, luksLayout } from '../../test/helpers/luks-image.ts';
import { madeData, madeDescription } from '../../test/helpers/points.ts';
import { localCopies } from '../../test/helpers/real-points.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { keepHeaders } from './escrow.ts';

const names = { hostName: 'box', pointId: '20261120T020000Z-aaaaaa', stateDir: '/nonexistent' };
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
    const kept = await keepHeaders(
      failing(code),
      layout,
      repository,
      localCopies([]),
      names,
      (one) => said.push(one),
      signal,
    );
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
  const kept = await keepHeaders(host, layout, repository, localCopies([]), names, () => undefined, signal);
  expect(kept?.missing).toHaveLength(2);
  expect(asked).toEqual(['ps']);
});

test('who interrupts the run is heard', async () => {
  const repository = { target: memoryTarget('escrow', new Map()), keys: testKeyring() };
  const signal = AbortSignal.abort(new LifeboatError('interrupted', 'enough'));
  const kept = keepHeaders(failing('interrupted'), layout, repository, localCopies([]), names, () => undefined, signal);
  await expect(kept).rejects.toThrow('enough');
});

test('nothing is read for a repository that is not encrypted, nor where there is no LUKS', async ({ signal }) => {
  const target = memoryTarget('escrow', new Map());
  const host = failing('command-timeout');
  const plain = await keepHeaders(
    host,
    layout,
    { target, keys: noKeys },
    localCopies([]),
    names,
    () => undefined,
    signal,
  );
  expect(plain?.missing).toEqual([
    { subject: 'LUKS headers', problem: 'not kept, as the repository is not encrypted' },
  ]);
  const none = layoutSchema.parse(bare);
  expect(
    await keepHeaders(host, none, { target, keys: testKeyring() }, localCopies([]), names, () => undefined, signal),
  ).toBeUndefined();
});

test.for([
  ['encrypted', testKeyring()],
  ['not encrypted', noKeys],
] as const)(
  'ended after any call, it is repeated, and what the record names is there (%s)',
  async ([, keys], { signal }) => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, 'header');
    writeFileSync(file, luksImage('luks2'));
    const of = luksLayout({ [file]: luksImage('luks2') });
    // The host's copy of the record comes after it, so it is not there.
    const once = async (repository: Repository) => {
      const escrow = await keepHeaders(localHost(), of, repository, localCopies([]), names, () => undefined, signal);
      const more = escrow === undefined ? {} : { escrow };
      return await putPoint(repository, madeDescription(names.pointId), madeData, signal, more);
    };
    const last = async (calls: number, how: 'before' | 'after') => {
      const target = memoryTarget('escrow', new Map());
      const died = await once({ target: dyingTarget(target, calls, how), keys }).then(
        () => false,
        () => true,
      );
      await once({ target, keys });
      const [listed] = (await listPoints({ target, keys }, 'box', signal)).points;
      if (listed === undefined) throw new Error('no point');
      const uuid = listed.point.escrow?.volumes[0];
      expect(uuid === undefined).toBe(keys === noKeys);
      if (uuid !== undefined)
        expect((await headerImage({ target, keys }, listed.point, uuid, signal)).bytes.subarray(0, 4096)).toEqual(
          luksImage('luks2').subarray(0, 4096),
        );
      return !died;
    };
    let calls = 0;
    while (!(await last(calls, 'before'))) {
      await last(calls, 'after');
      calls += 1;
    }
    expect(calls).toBeGreaterThan(5);
  },
);
