/** Servers that lost their disks, recovered in one power-on and compared by the independent checker: by firmware, layout and hardware. */
import { randomBytes } from 'node:crypto';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Disk } from '../../../src/qemu/spec.ts';
import { isRoot } from '../../helpers/cli.ts';
import { ofToday } from '../../helpers/suite.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { type SourceKind, protectedSource } from '../source/protect.ts';
import { recoverWhole, type Whole } from '../whole-recovery.ts';

if (!isRoot) console.log(`${import.meta.filename}: left out, as a medium holds what only root can read`);

interface Scene {
  readonly name: string;
  readonly source: SourceKind;
  /** @default blank disks like those that were lost */
  readonly recovery?: Whole;
  /** Whether somebody else's disk is there too. */
  readonly foreign?: boolean;
}

const GIB = 1024 ** 3;
const plain = { layout: 'plain', firmware: 'bios' } as const;
/** As odd as that one, without a database: where it is the hardware that matters. */
const small = { layout: 'small', firmware: 'bios' } as const;
const stacked = { layout: 'stacked', firmware: 'bios' } as const;

/** What is larger or smaller is another size in what the plain tools say. */
const sizes = { facts: ['lvm'] } as const;

const scenes: readonly Scene[] = [
  { name: 'ext4 by BIOS', source: plain },
  { name: 'ext4 by UEFI', source: { ...plain, firmware: 'uefi' } },
  { name: 'RAID 1, LVM, LUKS, xfs and btrfs by BIOS', source: stacked },
  { name: 'RAID 1, LVM, LUKS, xfs and btrfs by UEFI', source: { ...stacked, firmware: 'uefi' } },
  {
    name: 'onto a larger disk',
    source: small,
    recovery: { disks: [{ serial: 'LARGE', bytes: 6 * GIB }] },
  },
  {
    name: 'onto a smaller disk',
    source: small,
    recovery: { disks: [{ serial: 'SMALL', bytes: 3 * GIB }] },
  },
  {
    name: 'onto larger and smaller disks, of a mirror',
    source: stacked,
    recovery: {
      disks: [
        { serial: 'LARGE', bytes: 6 * GIB },
        { serial: 'SMALL', bytes: 3.5 * GIB },
      ],
      ignored: sizes,
    },
  },
  {
    name: 'onto disks of other buses',
    source: stacked,
    recovery: {
      disks: [
        { serial: 'FIRST', bytes: 4 * GIB, bus: 'nvme' },
        { serial: 'SECOND', bytes: 4 * GIB, bus: 'virtio' },
      ],
      finalized: expect.any(Array),
    },
  },
  {
    name: 'onto a disk of another bus, with another network card',
    source: small,
    recovery: {
      disks: [{ serial: 'OTHER', bytes: 4 * GIB, bus: 'sata' }],
      cards: [{ network: { kind: 'user' }, model: 'e1000e', mac: '52:54:00:aa:bb:cc' }],
      finalized: expect.any(Array),
      ignored: { facts: ['network'], files: [/^file (\/etc\/network\/|\/boot\/initrd|\/etc\/udev)/] },
    },
  },
  {
    name: 'as a clone',
    source: small,
    recovery: {
      words: ['--clone'],
      finalized: expect.any(Array),
      ignored: { facts: ['identity'], files: [/^file \/etc\/(machine-id|ssh\/ssh_host_\w+)$/, /^file \/etc\/(ssh)?$/] },
    },
  },
  {
    name: 'in swapped order, beside a disk of somebody else, which stays as it is to the last bit',
    source: stacked,
    recovery: {
      disks: [
        { serial: 'B', bytes: 4 * GIB },
        { serial: 'A', bytes: 4 * GIB },
      ],
    },
    foreign: true,
  },
];

test.skipIf(!isRoot).each(ofToday(scenes, new Date()))(
  '$name',
  { timeout: 7_200_000 },
  async ({ source, recovery = {}, foreign }) => {
    const { signal } = new AbortController();
    await using work = await temporaryDirectory();
    const images = foreign === true ? [await foreignDisk(work.path)] : [];
    const { wallSeconds } = await recoverWhole(await protectedSource(source, signal), { ...recovery, images }, signal);
    console.log(`RTO ${wallSeconds.toFixed(0)} s`);
  },
);

/** One on which somebody has something, which no tool knows. */
async function foreignDisk(directory: string): Promise<Disk> {
  const file = join(directory, 'FOREIGN');
  await writeFile(file, randomBytes(64 * 1024 ** 2));
  await truncate(file, 4 * GIB);
  return { file, format: 'raw', serial: 'FOREIGN', bus: 'scsi' };
}
