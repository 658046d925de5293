import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { biosSystem, writeSystem } from '../../test/helpers/made-system.ts';
import { realPoints } from '../../test/helpers/real-points.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { localHost } from '../host/local.ts';
import { proofSchema } from './proof.ts';
import { problemOf, proveRecovery } from './prove.ts';

const { signal } = new AbortController();

test('all four proofs together, on this machine: its storage is looked at, and nothing of it is changed', async () => {
  await using points = await realPoints();
  await using directory = await temporaryDirectory();
  await using host = localHost();
  const { repository } = points;
  const point = await points.make('20261118T020000Z-aaaaaa', 0);
  const root = join(directory.path, 'recovered');
  await mkdir(root);
  const { target, keys, engine } = repository;
  const { stored } = point.data;
  const job = { target, hostName: 'box', pointId: point.id, sealing: keys, stored };
  await engine.restore({ ...job, paths: [], directory: root, onProgress: () => undefined }, signal);
  const system = biosSystem();
  writeSystem(root, system);
  const said: string[] = [];
  const proved = async () => {
    const captured = system.layout('/');
    const recovery = { repository, point, root, captured, firmware: 'bios', changed: ['/tmp'] } as const;
    const tell = (message: { readonly type: string; readonly text?: string }) =>
      void said.push(message.text ?? message.type);
    return proofSchema.parse(await proveRecovery(recovery, host, tell, signal));
  };
  const all = await proved();
  expect(all.files).toMatchObject({ wrong: 0, sampled: false });
  expect(said).toEqual(
    expect.arrayContaining(['comparing the storage with its plan', 'comparing every file with the point', 'progress']),
  );
  // It is mounted nowhere, and no disk here starts it.
  expect(all.graph).toEqual([]);
  expect(all.boot.length).toBeGreaterThan(0);
  expect(all.mounts).toContainEqual(expect.objectContaining({ subject: '/' }));
  expect(all.result).toBe('failed');
  expect(problemOf(all)).toMatch(/^it would not start: .*; it would not mount /);
  const [entry] = await Array.fromAsync(engine.entries(job, signal)).then((list) =>
    list.filter(({ type }) => type === 'file'),
  );
  writeFileSync(join(root, entry?.path ?? ''), 'another');
  const recovery = { repository, point, root, captured: system.layout('/'), firmware: 'bios', changed: [] } as const;
  const broken = await proveRecovery(recovery, host, () => undefined, signal);
  expect(broken.files.different).toContainEqual(expect.objectContaining({ path: `/${entry?.path}` }));
});
