/**
 * Disks of a server that does real work, made without lifeboat: Debian's packages, a database, a web server, users, and everything odd that a
 * filesystem can hold; on one disk with ext4, or on a stack of what storage has.
 */
import { link, mkdir, open, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { localHost } from '../../../src/host/local.ts';
import { imagesOf } from '../../../src/qemu/image.ts';
import type { Disk } from '../../../src/qemu/spec.ts';
import { cachedDirectory } from '../../helpers/cache.ts';
import { output } from '../../helpers/child-process.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { devicesOf, makeImages, startLab } from '../lab.ts';
import { debianArchives } from '../packages.ts';
import { digest, labEmulation } from '../prepared.ts';
import { startSystem } from '../system.ts';
import { systemImage } from '../system/image.ts';
import { systems } from '../system/packages.ts';

export const sourceLayouts = ['plain', 'stacked'] as const;
export type SourceLayout = (typeof sourceLayouts)[number];

const GIB = 1024 ** 3;
/** Longer than anything takes on a machine that is busy with ten other things. */
const limitMs = 1_800_000;

/** What it does its work with. */
const packages =
  'postgresql nginx-light cron openssh-server sudo libcap2-bin ifupdown isc-dhcp-client netbase ca-certificates'.split(
    ' ',
  );

/** By layout the serial numbers of its disks, and their buses. */
const disksOf = {
  plain: [{ serial: 'SYSTEM', bytes: 4 * GIB }],
  stacked: [
    { serial: 'A', bytes: 4 * GIB },
    { serial: 'B', bytes: 4 * GIB },
  ],
} as const;

/** Images in qcow2, which must not be written to; made where they are not cached, which takes some minutes. */
export async function sourceImages(layout: SourceLayout, signal: AbortSignal): Promise<readonly Disk[]> {
  const base = await withPackages(signal);
  const start = layout === 'plain' ? [base] : await stacked(base, signal);
  const recipe = digest([start, String(await content('work.sh'))]);
  const directory = await cachedDirectory(`lab/source/${layout}-${recipe}`, async (made) => {
    await using lab = await startSystem({ images: start, cold: true, cards: [{ network: { kind: 'user' } }] }, signal);
    await lab.host.run(['bash', '-s'], { stdin: await content('work.sh'), timeoutMs: limitMs }, signal);
    await flattened(lab.images, made, () => lab.machine.powerOff(limitMs, signal), signal);
  });
  return start.map((disk) => ({ ...disk, file: join(directory, `${disk.serial}.qcow2`) }));
}

/** The disk of a system, with further packages that were set up as on every server: while it runs. */
async function withPackages(signal: AbortSignal): Promise<Disk> {
  const file = await systemImage('debian12', signal);
  const recipe = digest([file, packages]);
  const directory = await cachedDirectory(`lab/source/base-${recipe}`, async (made) => {
    const added = await addedArchives();
    await using lab = await startSystem({ cold: true }, signal);
    await using work = await temporaryDirectory();
    await mkdir(join(work.path, 'archives'));
    for (const path of added) await link(path, join(work.path, 'archives', basename(path)));
    const image = join(work.path, 'image');
    await using raw = await open(image, 'w');
    await raw.truncate(GIB);
    await output('/usr/sbin/mke2fs', '-q', '-t', 'ext4', '-d', join(work.path, 'archives'), image);
    await lab.machine.addDisk({ file: image, format: 'raw', serial: 'ARCHIVES', bus: 'scsi' }, signal);
    const device = (await devicesOf(lab.host, ['ARCHIVES'], signal)).get('ARCHIVES') ?? '';
    const install = `
      mount -o ro ${device} /mnt
      export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin
      dpkg --force-unsafe-io --install /mnt/*.deb
      umount /mnt`;
    await lab.host.run(['bash', '-ec', install], { timeoutMs: limitMs }, signal);
    await lab.machine.removeDisk('ARCHIVES', signal);
    await flattened(lab.images, made, () => lab.machine.powerOff(limitMs, signal), signal);
  });
  return { file: join(directory, 'SYSTEM.qcow2'), format: 'qcow2', serial: 'SYSTEM', bus: 'scsi', bootIndex: 1 };
}

/** What they take besides the packages of the system. */
async function addedArchives(): Promise<readonly string[]> {
  const { suite, essential, others } = systems.debian12;
  const known = new Set((await debianArchives(suite, [...essential, ...others])).map(({ name }) => name));
  const all = await debianArchives(suite, [...essential, ...others, ...packages]);
  return all.filter(({ name }) => !known.has(name)).map(({ path }) => path);
}

/** The same system moved to two disks with all that storage has, as somebody does it by hand. */
async function stacked(base: Disk, signal: AbortSignal): Promise<readonly Disk[]> {
  const recipe = digest([base, String(await content('stacked.sh'))]);
  const directory = await cachedDirectory(`lab/source/moved-${recipe}`, async (made) => {
    const { qemu } = await labEmulation(signal);
    const disks = await makeImages(qemu, made, disksOf.stacked, signal);
    await using lab = await startLab({ release: 'debian12' }, signal);
    for (const disk of [...disks, { ...base, readOnly: true }]) await lab.machine.addDisk(disk, signal);
    const found = await devicesOf(lab.host, ['A', 'B', 'SYSTEM'], signal);
    const options = { stdin: await content('stacked.sh'), env: Object.fromEntries(found), timeoutMs: limitMs };
    await lab.host.run(['bash', '-s'], options, signal);
    for (const { serial } of disks) await lab.machine.removeDisk(serial, signal);
  });
  return disksOf.stacked.map(({ serial }, index) => ({
    file: join(directory, `${serial}.qcow2`),
    format: 'qcow2',
    serial,
    bus: 'scsi',
    bootIndex: index + 1,
  }));
}

/** Has a machine end, and keeps what is on its disks from then on. */
async function flattened(
  images: readonly Disk[],
  directory: string,
  end: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { qemu } = await labEmulation(signal);
  await end();
  for (const disk of images) {
    await imagesOf(qemu, localHost()).convert(join(directory, `${disk.serial}.qcow2`), disk, signal);
  }
}

const content = async (name: string): Promise<Buffer> => await readFile(join(import.meta.dirname, name));
