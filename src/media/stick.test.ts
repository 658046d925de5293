/** Which stick is meant, and what would be lost on it. The disks are files: what lsblk says of them is said here. */
import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import type { Host } from '../host/host.ts';
import { localHost } from '../host/local.ts';
import { type Component, parseLayout } from '../layout/types.ts';
import { shapeOf, tableText } from './formats/disk.ts';
import { stickNamed } from './stick.ts';

const mebi = 1 << 20;
const { signal } = new AbortController();

interface Said {
  readonly mountpoint?: string;
  readonly ro?: boolean;
}

/** A host with one stick of 700 MiB, blank but for what is `made` of it. */
async function hostWith(said: Said = {}, disk: object = {}, above: readonly object[] = []) {
  const directory = await temporaryDirectory();
  const file = join(directory.path, 'stick');
  writeFileSync(file, '');
  truncateSync(file, 700 * mebi);
  const local = localHost();
  const lsblk = {
    path: file,
    type: 'disk',
    serial: 'STICK1',
    wwn: null,
    model: null,
    size: 700 * mebi,
    ro: said.ro ?? false,
  };
  const nodes = { blockdevices: [{ ...lsblk, mountpoint: said.mountpoint ?? null }] };
  const host: Host = {
    ...local,
    run: async (argv, options, own) =>
      argv[0] === 'lsblk'
        ? { code: 0, stdout: Buffer.from(JSON.stringify(nodes)), stderr: '' }
        : await local.run(argv, options, own),
  };
  const stick = {
    kind: 'disk',
    id: 'disk:serial-STICK1',
    on: [],
    device: file,
    serial: 'STICK1',
    transport: 'usb',
    sizeBytes: 700 * mebi,
    rotational: false,
    removable: true,
    readOnly: false,
    ...disk,
  };
  const layout = parseLayout({
    format: 'lifeboat.layout/1',
    capturedAt: '2026-11-22T00:00:00.000Z',
    components: [stick, ...above],
    gaps: [],
  });
  return { host, layout, file, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

const partition = (number: number, name: string, start: number, bytes: number): Component => ({
  kind: 'partition',
  id: `partition:${number}`,
  on: ['disk:serial-STICK1'],
  device: `/dev/stick${number}`,
  number,
  sizeBytes: bytes * mebi,
  startBytes: start * mebi,
  name,
});

test('a blank stick loses nothing, by id as by serial number', async () => {
  await using one = await hostWith();
  for (const name of ['STICK1', 'disk:serial-STICK1']) {
    const stick = await stickNamed(one.layout, name, one.host, signal);
    expect(stick).toMatchObject({ path: one.file, isOurs: false, losses: [] });
    expect(stick.shape.data?.bytes).toBe((700 - 3 - 512) * mebi);
  }
});

test('a name that changes from start to start is none', async () => {
  await using one = await hostWith();
  await expect(stickNamed(one.layout, '/dev/sdb', one.host, signal)).rejects.toMatchObject({ code: 'usage' });
  await expect(stickNamed(one.layout, one.file, one.host, signal)).rejects.toMatchObject({ code: 'usage' });
  await expect(stickNamed(one.layout, 'STICK2', one.host, signal)).rejects.toMatchObject({ code: 'usage' });
});

test.each<[string, Said]>([
  ['mounted', { mountpoint: '/media/photos' }],
  ['swapped to', { mountpoint: '[SWAP]' }],
  ['read-only', { ro: true }],
])('one that is %s is refused', async (_why, said) => {
  await using one = await hostWith(said);
  await expect(stickNamed(one.layout, 'STICK1', one.host, signal)).rejects.toMatchObject({ code: 'refused' });
});

test('what is on it is told, also where nobody knows what it is', async () => {
  await using known = await hostWith({}, {}, [partition(1, 'photos', 1, 600)]);
  const { losses } = await stickNamed(known.layout, 'STICK1', known.host, signal);
  expect(losses).toEqual([{ name: 'partition:1', state: expect.stringMatching(/600 MiB.*"photos"/) }]);
  await using unknown = await hostWith();
  writeFileSync(unknown.file, 'something', { flag: 'r+' });
  const stick = await stickNamed(unknown.layout, 'STICK1', unknown.host, signal);
  expect(stick.losses).toEqual([{ name: 'disk:serial-STICK1', state: 'something of no kind that is known' }]);
});

test('a disk that is built in needs consent, also when it is blank', async () => {
  await using one = await hostWith({}, { transport: 'sata', removable: false });
  const { losses } = await stickNamed(one.layout, 'STICK1', one.host, signal);
  expect(losses).toEqual([{ name: 'disk:serial-STICK1', state: 'built in, no stick' }]);
});

test('of a stick of ours only the medium is exchanged', async () => {
  const ours = [
    partition(1, 'lifeboat-bios', 1, 1),
    partition(2, 'lifeboat', 2, 512),
    partition(3, 'lifeboat-data', 514, 180),
  ];
  await using one = await hostWith({}, {}, ours);
  const shape = { bios: { start: mebi, bytes: mebi }, medium: { start: 2 * mebi, bytes: 512 * mebi } };
  expect(await stickNamed(one.layout, 'STICK1', one.host, signal)).toMatchObject({ isOurs: true, losses: [], shape });
  await using more = await hostWith({}, {}, [...ours, partition(4, 'photos', 695, 3)]);
  expect(await stickNamed(more.layout, 'STICK1', more.host, signal)).toMatchObject({ isOurs: false });
});

test('one with large sectors is refused', async () => {
  await using one = await hostWith({}, { logicalSector: 4096 });
  await expect(stickNamed(one.layout, 'STICK1', one.host, signal)).rejects.toMatchObject({ code: 'unsupported' });
});

test('the shape of a stick fits the table that is made of it', async () => {
  await using one = await hostWith();
  const { shape } = await stickNamed(one.layout, 'STICK1', one.host, signal);
  execFileSync('/usr/sbin/sfdisk', ['--quiet', one.file], { input: tableText(shape) });
  expect(shapeOf(512 * mebi, shape.data?.bytes ?? 0).medium).toEqual(shape.medium);
});
