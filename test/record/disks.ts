/** Images on loop devices, partitioned by a release's own sfdisk. */
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, run, within } from './commands.ts';
import { uuid } from './ids.ts';

const MiB = 1 << 20;

export interface Disk {
  /** Number of its loop device. High, so that who asks for any free one does not get it. */
  readonly loop: number;
  readonly sizeMiB: number;
  readonly sectorBytes: 512 | 4096;
  /** For `sfdisk`; without one the disk has no partition table. */
  readonly script?: string;
  /** Names that a script cannot hold in all releases, by number. */
  readonly names?: Readonly<Record<number, string>>;
}

const type = {
  esp: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  xbootldr: 'BC13C2FF-59E6-4262-A352-B275FD6F7172',
  root: '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709',
  linux: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
  swap: '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F',
  biosBoot: '21686148-6449-6E6F-744E-656564454649',
  lvm: 'E6D6D379-F507-44C2-A23C-238F2A3DF928',
  raid: 'A19D880F-05FC-4D3B-A006-743F0F84911E',
} as const;

const gpt = `label: gpt
label-id: ${uuid(0x100)}
1 : start=1MiB, size=1MiB, type=${type.biosBoot}, uuid=${uuid(0x101)}
2 : size=64MiB, type=${type.esp}, uuid=${uuid(0x102)}, attrs="RequiredPartition"
3 : size=128MiB, type=${type.xbootldr}, uuid=${uuid(0x103)}, attrs="LegacyBIOSBootable"
4 : size=1400MiB, type=${type.root}, uuid=${uuid(0x104)}, attrs="GUID:60"
5 : size=512MiB, type=${type.linux}, uuid=${uuid(0x105)}, name="data"
6 : size=16MiB, type=${type.swap}, uuid=${uuid(0x106)}, attrs="GUID:60,63"
7 : size=256MiB, type=${type.linux}, uuid=${uuid(0x107)}
8 : size=128MiB, type=${type.lvm}, uuid=${uuid(0x108)}, name="lvm"
9 : size=32MiB, type=${type.linux}, uuid=${uuid(0x109)}, name="luks"
10 : size=128MiB, type=${type.linux}, uuid=${uuid(0x10a)}, name="f2fs"
12 : size=64MiB, type=${type.linux}, uuid=${uuid(0x10c)}, name="after a number that is not there"
13 : start=3000MiB, size=32MiB, type=${type.raid}, uuid=${uuid(0x10d)}, name="after a hole"
`;

const mbr = `label: dos
label-id: 0x1b0f1a4e
1 : start=1MiB, size=32MiB, type=6, bootable
2 : size=64MiB, type=83
3 : size=600MiB, type=f
4 : size=8MiB, type=1
5 : start=98MiB, size=128MiB, type=83
6 : size=256MiB, type=83
7 : size=16MiB, type=82
8 : size=64MiB, type=8e
`;

const native4k = `label: gpt
label-id: ${uuid(0x200)}
1 : size=300MiB, type=${type.esp}, uuid=${uuid(0x201)}, name="EFI on 4Kn"
2 : size=512MiB, type=${type.linux}, uuid=${uuid(0x202)}, name="xfs on 4Kn"
3 : size=64MiB, type=${type.linux}, uuid=${uuid(0x203)}, name="ext4 on 4Kn"
4 : size=128MiB, type=${type.linux}, uuid=${uuid(0x204)}, name="btrfs on 4Kn"
`;

/** What the machine has, by what the code calls it. */
export const disks = {
  gpt: {
    loop: 60,
    sizeMiB: 4096,
    sectorBytes: 512,
    script: gpt,
    names: { 2: 'EFI "system" pärt\\1', 3: "boot 'n' $loader", 4: 'root & <co>', 7: 'ハードディスク' },
  },
  mbr: { loop: 61, sizeMiB: 1024, sectorBytes: 512, script: mbr },
  native4k: { loop: 62, sizeMiB: 1200, sectorBytes: 4096, script: native4k },
  bare: { loop: 63, sizeMiB: 64, sectorBytes: 512 },
  empty: { loop: 64, sizeMiB: 16, sectorBytes: 512 },
  image: { loop: 65, sizeMiB: 1, sectorBytes: 512 },
} as const satisfies Readonly<Record<string, Disk>>;

/** `/dev/loop60` or, with a number, `/dev/loop60p2`. */
export function device(disk: keyof typeof disks, partition?: number): string {
  return `/dev/loop${disks[disk].loop}${partition === undefined ? '' : `p${partition}`}`;
}

export function imageFile(directory: string, { loop }: Disk): string {
  return join(directory, `disk${loop}.img`);
}

/** Attaches all disks, with device nodes in the `dev` of `root`, which must be private. */
export function attachDisks(root: string, images: string): void {
  mkdirSync(images, { recursive: true });
  for (const disk of Object.values<Disk>(disks)) {
    const file = imageFile(images, disk);
    // Holes read as zeros: a new image is an empty disk.
    const fd = openSync(file, 'w');
    ftruncateSync(fd, disk.sizeMiB * MiB);
    closeSync(fd);
    const node = join(root, `dev/loop${disk.loop}`);
    run(['mknod', node, 'b', '7', String(disk.loop)]);
    run(['losetup', '--sector-size', String(disk.sectorBytes), node, file]);
    if (disk.script !== undefined) partition(root, disk, disk.script);
  }
}

function partition(root: string, disk: Disk, script: string): void {
  const path = `/dev/loop${disk.loop}`;
  const inside = (...command: Command) => within(root, command);
  run(inside('sfdisk', '--no-reread', '--no-tell-kernel', '--wipe', 'always', path), script);
  for (const [number, name] of Object.entries(disk.names ?? {})) {
    run(inside('sfdisk', '--no-reread', '--no-tell-kernel', '--part-label', path, number, name));
  }
  // Not every kernel reads partition tables by itself. (With --update, partx overlooks what comes after a missing number.)
  run(['partx', '--add', join(root, path)]);
  for (const name of readdirSync(`/sys/class/block`).filter((name) => name.startsWith(`loop${disk.loop}p`))) {
    const [major = '', minor = ''] = readFileSync(`/sys/class/block/${name}/dev`, 'utf8').trim().split(':');
    run(['mknod', join(root, 'dev', name), 'b', major, minor]);
  }
}
