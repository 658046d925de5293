/**
 * Disks of a server that does real work, made without lifeboat: Debian's packages, a database, a web server, users, and everything odd that a
 * filesystem can hold; on one disk with ext4, or on a stack of what storage has. A small one has neither database nor web server.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { localHost } from '../../../src/host/local.ts';
import { imagesOf } from '../../../src/qemu/image.ts';
import type { Disk } from '../../../src/qemu/spec.ts';
import { cachedDirectory } from '../../helpers/cache.ts';
import { devicesOf, makeImages, startLab } from '../lab.ts';
import { digest, labEmulation } from '../prepared.ts';
import { shutDown, startSystem } from '../system.ts';
import { systemImage } from '../system/image.ts';
import { smallPackages, systems } from '../system/packages.ts';

export const sourceLayouts = ['small', 'plain', 'stacked'] as const;
export type SourceLayout = (typeof sourceLayouts)[number];

const GIB = 1024 ** 3;
/** Longer than anything takes on a machine that is busy with ten other things. */
const limitMs = 1_800_000;

/** What it does its work with. */
const tools = 'cron openssh-server libcap2-bin ifupdown isc-dhcp-client netbase ca-certificates'.split(' ');
const small = [...smallPackages, ...tools];
const large = [...systems.debian12.others, 'postgresql', 'nginx-light', 'sudo', ...tools];

/** With a screen, as those have that it runs in later: the network card is at the same place then, and has the same name. */
const machine = { cold: true, cpus: 2, screen: true, cards: [{ network: { kind: 'user' } }] } as const;

/** Of the stack. */
const stackDisks = ['A', 'B'].map((serial) => ({ serial, bytes: 4 * GIB }));

/** Images in qcow2, which must not be written to; made where they are not cached, which takes some minutes. */
export async function sourceImages(layout: SourceLayout, signal: AbortSignal): Promise<readonly Disk[]> {
  const file = await systemImage('debian12', signal, layout === 'small' ? small : large);
  const base: Disk = { file, format: 'qcow2', serial: 'SYSTEM', bus: 'scsi', bootIndex: 1 };
  const start = layout === 'stacked' ? await stacked(base, signal) : [base];
  const scripts = await Promise.all(['work.sh', ...(layout === 'small' ? [] : ['services.sh'])].map(content));
  const directory = await cachedDirectory(
    `lab/source/${layout}-${digest([start, machine, scripts.map(String)])}`,
    async (made) => {
      await using lab = await startSystem({ images: start, ...machine }, signal);
      for (const stdin of scripts) await lab.host.run(['bash', '-s'], { stdin, timeoutMs: limitMs }, signal);
      await flattened(lab.images, made, () => shutDown(lab, signal), signal);
    },
  );
  return start.map((disk) => ({ ...disk, file: join(directory, `${disk.serial}.qcow2`) }));
}

/** The same system moved to two disks with all that storage has, as somebody does it by hand. */
async function stacked(base: Disk, signal: AbortSignal): Promise<readonly Disk[]> {
  const recipe = digest([base, String(await content('stacked.sh'))]);
  const directory = await cachedDirectory(`lab/source/moved-${recipe}`, async (made) => {
    const { qemu } = await labEmulation(signal);
    const disks = await makeImages(qemu, made, stackDisks, signal);
    await using lab = await startLab({ release: 'debian12' }, signal);
    for (const disk of [...disks, { ...base, readOnly: true }]) await lab.machine.addDisk(disk, signal);
    const found = await devicesOf(lab.host, ['A', 'B', 'SYSTEM'], signal);
    const options = {
      stdin: await content('stacked.sh'),
      env: Object.fromEntries([...found].filter(([serial]) => serial !== '')),
      timeoutMs: limitMs,
    };
    await lab.host.run(['bash', '-s'], options, signal);
    for (const { serial } of disks) await lab.machine.removeDisk(serial, signal);
  });
  return stackDisks.map(({ serial }, index) => ({
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
