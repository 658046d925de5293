/** Files that name devices: what becomes of them on the same disks, on others, and where something was not built again. */
import { describe, expect, test } from 'vitest';
import { id, machine, old, other, root } from '../../test/helpers/moved-machine.ts';
import type { Component, Layout } from '../layout/types.ts';
import { settingsNow } from './boot-settings.ts';
import { commandLineOf } from './command-lines.ts';
import { crypttabNow } from './crypttab.ts';
import { fstabNow } from './fstab.ts';
import { type Layers, layersOf } from './layers.ts';
import { lvmDevicesNow } from './lvm-devices.ts';
import { mdadmNow } from './mdadm.ts';
import { resumeNow } from './resume.ts';

const fstab = [
  '# <file system> <mount point>',
  '/dev/mapper/vg--0-root\t/\text4\terrors=remount-ro 0 1',
  `PARTUUID=${id(1)}   /boot  ext4 defaults 0 2`,
  '/dev/sda2 none swap sw 0 0',
  `UUID=${id(16)} /srv btrfs subvolid=300,noatime 0 0`,
  '/dev/md0 /my\\040data ext4 defaults 0 2 # an array',
  '/dev/disk/by-id/ata-Disk_OLD1-part5 /opt ext4 defaults 0 2',
  'nas:/export /net nfs _netdev 0 0',
  'UUID=DEAD-BEEF /media/stick vfat noauto 0 0',
  '',
].join('\n');

const captured = layersOf(machine(old));
const at = '/mnt/recovered';
const here = (layout: Layout): Layers => layersOf(layout, at);
/** All of this is not here. */
const without = (layout: Layout, pattern: RegExp): Layout => {
  const gone = new Set(layout.components.filter((one) => pattern.test(one.id)).map((one) => one.id));
  for (const more of [1, 2, 3, 4]) {
    if (more > 0) for (const one of layout.components) if (one.on.some((under) => gone.has(under))) gone.add(one.id);
  }
  return { ...layout, components: layout.components.filter((one) => !gone.has(one.id)) };
};
const same = here(machine({ ...old, name: 'vda' }, at));
const moved = here(machine(other, at, (number) => id(number + 30)));

describe('fstab', () => {
  test('on the same disks it stays as it is, whatever the rescue system calls them', () => {
    const layout = machine({ ...old, name: 'sdx' }, at);
    const numbers = layout.components.map(
      (one): Component => (one.kind === 'subvolume' ? { ...one, number: one.number + 44 } : one),
    );
    expect(fstabNow(fstab, captured, captured, here({ ...layout, components: numbers }))).toEqual({
      text: fstab,
      notes: [],
    });
  });

  test('on others what is not found by its UUID is, and numbers of subvolumes are the new ones', () => {
    const { text } = fstabNow(fstab, captured, captured, moved);
    expect(text).toBe(
      fstab
        .replace(`PARTUUID=${id(1)}`, `UUID=${id(11)}`)
        .replace('/dev/sda2', `UUID=${id(12)}`)
        .replace('subvolid=300', 'subvolid=256')
        .replace('/dev/disk/by-id/ata-Disk_OLD1-part5', `UUID=${id(17)}`),
    );
    expect(fstabNow(text, captured, captured, moved).text).toBe(text);
  });

  test('what was not built again keeps nobody from starting', () => {
    const now = here(without(machine({ ...old, name: 'sda' }, at), new RegExp(`^partition:${id(5)}$`)));
    expect(fstabNow(fstab, captured, captured, now).text).toBe(
      fstab.replace('/opt ext4 defaults', '/opt ext4 nofail').replace('subvolid=300', 'subvolid=256'),
    );
  });

  test('what a plan makes otherwise, and what it adds', () => {
    const planned = machine(old);
    const components = planned.components.map(
      (one): Component =>
        one.kind === 'mount' && one.path === '/opt' && one.fstab !== undefined
          ? { ...one, fstab: { ...one.fstab, spec: `UUID=${id(17)}`, type: 'xfs', options: 'defaults' } }
          : one,
    );
    const esp: Component = {
      kind: 'mount',
      id: 'mount:/boot/efi',
      on: [],
      path: '/boot/efi',
      mounted: false,
      source: 'x',
      fstype: 'vfat',
      options: '',
      root: '/',
      category: 'local',
      fstab: { spec: 'UUID=AAAA-BBBB', type: 'vfat', options: 'umask=0077', dump: 0, pass: 1 },
    };
    const { text } = fstabNow(fstab, captured, layersOf({ ...planned, components: [...components, esp] }), same);
    expect(text.split('\n').slice(6)).toEqual([
      `UUID=${id(17)} /opt xfs defaults 0 0`,
      'nas:/export /net nfs _netdev 0 0',
      'UUID=DEAD-BEEF /media/stick vfat noauto 0 0',
      'UUID=AAAA-BBBB /boot/efi vfat umask=0077 0 1',
      '',
    ]);
    expect(fstabNow(text, captured, layersOf({ ...planned, components: [...components, esp] }), same).text).toBe(text);
  });
});

describe('crypttab', () => {
  const line = `# name\nsafe\tPARTUUID=${id(4)} /root/key luks,discard\nusb /dev/disk/by-label/stick none\n`;
  test.each([
    ['the same disks', same, line],
    ['other disks', moved, line.replace(`PARTUUID=${id(4)}`, `UUID=${id(15)}`)],
    [
      'not built again',
      here(without(machine(old, at), new RegExp(`^partition:${id(4)}$`))),
      line.replace('discard', 'discard,nofail'),
    ],
  ])('%s', (_, now, text) => expect(crypttabNow(line, captured, now).text).toBe(text));

  test('not encrypted any more', () => {
    const layout = machine(old, at);
    const components = layout.components.flatMap((one): Component[] =>
      one.kind === 'luks' ? [] : one.kind === 'pv' ? [{ ...one, on: [`partition:${id(4)}`] }] : [one],
    );
    expect(crypttabNow(line, captured, here({ ...layout, components })).text).toBe(line.replace('safe', '# safe'));
  });
});

describe('mdadm.conf', () => {
  const uuid = '0b0f1a4e:00004000:80000000:00000013';
  const conf = `HOMEHOST <system>\nDEVICE /dev/sda3 /dev/sdb3\nARRAY /dev/md0 UUID=${uuid}\n   devices=/dev/sda3,/dev/sdb3\nMAILADDR root\n`;
  test('on the same disks it stays', () => expect(mdadmNow(conf, captured, same).text).toBe(conf));
  test('members by other names, an array that is gone, and one more', () => {
    expect(mdadmNow(conf, captured, moved).text).toBe(
      `HOMEHOST <system>\nDEVICE partitions containers\nARRAY /dev/md0 UUID=${uuid}\nMAILADDR root\n`,
    );
    const gone = here(without(machine(old, at), /^md:/));
    expect(mdadmNow(conf, captured, gone).text).toContain(`\n# ARRAY /dev/md0 UUID=${uuid}\n#    devices=`);
    const layout = machine(old, at);
    const twin: Component = {
      kind: 'md',
      id: 'md:new',
      on: [`partition:${id(5)}`],
      uuid: id(77),
      geometry: { level: 'raid1', raidDevices: 2, metadata: '1.2', name: 'web1:boot', members: [] },
    };
    const components = layout.components.map(
      (one): Component => (one.id === `filesystem:${id(17)}` ? { ...one, on: ['md:new'] } : one),
    );
    const more = here({ ...layout, components: [...components, twin] });
    const { text } = mdadmNow(conf, captured, more);
    expect(text).toBe(`${conf}ARRAY /dev/md/boot metadata=1.2 UUID=0b0f1a4e:00004000:80000000:00000077\n`);
    expect(mdadmNow(text, captured, more).text).toBe(text);
  });
});

test('the devices of LVM', () => {
  const pvid = 'AAAAAA-0000-0000-0000-0000-0000-000001'.replaceAll('-', '');
  const file = `# HASH=1\nPRODUCT_UUID=x\nVERSION=1.1.2\nIDTYPE=sys_wwid IDNAME=naa.5 DEVNAME=/dev/sda4 PVID=${pvid} PART=4\n`;
  const onPartition = (layout: Layout): Layout => ({
    ...layout,
    components: layout.components.flatMap((one): Component[] =>
      one.kind === 'luks'
        ? []
        : one.kind === 'pv'
          ? [{ ...one, on: layout.components.find(({ kind }) => kind === 'luks')?.on.slice() ?? [] }]
          : [one],
    ),
  });
  const was = layersOf(onPartition(machine(old)));
  const other4 = here(onPartition(machine(other, at, (number) => id(number + 30))));
  expect(lvmDevicesNow(file, was, here(onPartition(machine({ ...old, name: 'sdx' }, at)))).text).toBe(file);
  expect(lvmDevicesNow(file, was, other4).text).toBe(
    `VERSION=1.1.2\nIDTYPE=devname IDNAME=/dev/nvme0n1p4 DEVNAME=/dev/nvme0n1p4 PVID=${pvid}\n`,
  );
  const byUuid = file.replace(/IDTYPE=\S+ IDNAME=\S+/, 'IDTYPE=crypt_uuid IDNAME=CRYPT-LUKS2-1');
  expect(lvmDevicesNow(byUuid, captured, moved).text).toBe(byUuid);
  expect(lvmDevicesNow('VERSION=1.1.2\n', was, other4).text).toBe('VERSION=1.1.2\n');
});

test('where it slept', () => {
  const file = `RESUME=/dev/sda2\n`;
  expect(resumeNow(file, captured, same).text).toBe(file);
  expect(resumeNow(file, captured, moved).text).toBe(`RESUME=UUID=${id(12)}\n`);
  expect(resumeNow(file, captured, here(without(machine(other, at), new RegExp(`^swap:`)))).text).toBe('RESUME=none\n');
  for (const word of ['none', 'auto', `UUID=${id(12)}`])
    expect(resumeNow(`RESUME=${word}\n`, captured, moved).text).toContain(word);
});

describe('command lines', () => {
  const gone = here(
    without(
      machine(other, at, (number) => id(number + 30)),
      /^(luks|md):/,
    ),
  );
  const line = (text: string, now: Layers) => commandLineOf(captured, now)(text);
  test.each([
    ['nothing of devices', 'ro  quiet console=ttyS0', 'ro  quiet console=ttyS0', moved],
    ['by UUID', `root=UUID=${root} ro`, `root=UUID=${root} ro`, moved],
    ['by name in LVM', 'root=/dev/mapper/vg--0-root ro', 'root=/dev/mapper/vg--0-root ro', moved],
    ['swap by name', 'resume=/dev/sda2 quiet', `resume=UUID=${id(12)} quiet`, moved],
    [
      'LUKS by partition',
      `cryptdevice=PARTUUID=${id(4)}:safe:allow-discards root=/dev/mapper/vg--0-root`,
      `cryptdevice=UUID=${id(15)}:safe:allow-discards root=/dev/mapper/vg--0-root`,
      moved,
    ],
    [
      'what is not here',
      `rd.luks.uuid=luks-${id(15)} rd.md.uuid=0b0f1a4e:00004000:80000000:00000013 quiet`,
      'quiet',
      gone,
    ],
    ['what is not of this host', `rd.luks.uuid=luks-${id(66)} quiet`, `rd.luks.uuid=luks-${id(66)} quiet`, gone],
  ])('%s', (_, before, after, now) => expect(line(before, now)).toBe(after));

  test('in the files where they stand', () => {
    const change = (text: string): string => text.replace('resume=/dev/sda2', `resume=UUID=${id(12)}`);
    const cases: readonly (readonly [string, string])[] = [
      ['/etc/default/grub', '# resume=/dev/sda2\nGRUB_CMDLINE_LINUX="resume=/dev/sda2 quiet" # x\nGRUB_DISABLE=1\n'],
      ['/etc/kernel/cmdline', 'ro resume=/dev/sda2\n'],
      ['/boot/loader/entries/a.conf', 'title resume=/dev/sda2\noptions  ro resume=/dev/sda2\n'],
      ['/boot/refind_linux.conf', '"Boot"  "ro resume=/dev/sda2"\n'],
      ['/boot/extlinux/extlinux.conf', 'LABEL a\n  APPEND ro resume=/dev/sda2\n'],
    ];
    expect(cases.map(([path, content]) => settingsNow(path, content, change).text)).toMatchSnapshot();
  });
});
