/** What stands between a plan and the first write to a disk. The disk is a file, of which lsblk is said to tell; all else is real. */
import { open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { layoutOf } from '../../../test/helpers/small-layout.ts';
import { temporaryDirectory } from '../../../test/helpers/temporary.ts';
import type { Host } from '../../host/host.ts';
import { localHost } from '../../host/local.ts';
import type { ComponentOf } from '../types.ts';
import { planFormat, type Plan } from './document.ts';
import { guardOf } from './guard.ts';
import { markOf } from './half-done.ts';
import { type Mark, markContent } from './mark.ts';

const { signal } = new AbortController();
const size = 40 << 20;

/** A disk that was blank when the plan for it was made, and was named by nobody. */
async function scene(directory: string) {
  const device = join(directory, 'disk');
  await writeFile(device, '');
  await truncate(device, size);
  const disk: ComponentOf<'disk'> = {
    kind: 'disk',
    id: 'disk:A',
    on: [],
    device,
    serial: 'A',
    sizeBytes: size,
    rotational: false,
    removable: false,
    readOnly: false,
  };
  const about = { device, sizeBytes: size, blank: true, certainty: 'same' as const, score: 0, reasons: [] };
  const plan: Plan = {
    format: planFormat,
    of: 'machine',
    disks: [{ id: disk.id, from: disk.id, ...about, destroys: [] }],
    untouched: [],
    before: layoutOf(disk),
    layout: layoutOf(disk),
    fates: { old: [], new: [] },
    actions: [],
    notes: [],
  };
  const said = { more: {} };
  const local = localHost();
  const host: Host = {
    ...local,
    async run(argv, options, inner) {
      if (argv[0] !== 'lsblk') return await local.run(argv, options, inner);
      const node = { path: device, type: 'disk', serial: 'A', size, ro: false, ...said.more };
      return { code: 0, stdout: Buffer.from(JSON.stringify({ blockdevices: [node] })), stderr: '' };
    },
  };
  const put = async (more: Partial<Mark>): Promise<void> => {
    await using file = await open(device, 'r+');
    await file.write(markContent({ ...markOf(plan, disk.id, new Date()), ...more }), 0, undefined, (1 << 20) - 4096);
  };
  const never = async () => await Promise.resolve();
  const progress = { begun: new Set<string>(), ended: new Set<string>(), begin: never, end: never };
  const looked = async () => await (await guardOf(plan, host, progress, signal)).checkAll([disk.id], signal);
  return { put, looked, said };
}

test('a disk that was blank is taken as long as nothing is on it, or what an attempt at the same left', async () => {
  await using place = await temporaryDirectory();
  const { put, looked } = await scene(place.path);
  await looked();
  await put({});
  await looked();
  for (const other of [{ startable: true as const }, { recovered: { point: 'p1' } }, { of: 'another machine' }]) {
    await put(other);
    await expect(looked(), JSON.stringify(other)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('was blank when the plan was made'),
    });
  }
});

test.each([
  [{ size: size + 512 }, 'bytes'],
  [{ ro: true }, 'read-only'],
  [{ mountpoint: '/mnt' }, 'in use: /mnt'],
  [{ serial: 'B' }, 'not there any more'],
])('a disk that is another one now is refused: %o', async (more, text) => {
  await using place = await temporaryDirectory();
  const { looked, said } = await scene(place.path);
  said.more = more;
  await expect(looked()).rejects.toMatchObject({ code: 'refused', message: expect.stringContaining(text) });
});
