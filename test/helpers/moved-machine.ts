/** A machine whose files name its devices in all ways there are, on one disk or another. */
import { type Layout, parseLayout } from '../../src/layout/types.ts';

export const id = (end: number): string => `0b0f1a4e-0000-4000-8000-0000000000${end.toString().padStart(2, '0')}`;
const base = { sizeBytes: 2 ** 30 };
export const root = id(10);

interface Disk {
  readonly serial: string;
  readonly name: string;
  readonly bus: string;
}
export const old: Disk = { serial: 'OLD1', name: 'sda', bus: 'sata' };
export const other: Disk = { serial: 'NEW9', name: 'nvme0n1', bus: 'nvme' };

/** A disk with `/boot`, swap, an array, and LVM on LUKS: a root filesystem and a btrfs with two subvolumes. */
export function machine({ serial, name, bus }: Disk, where = '', partUuid = (number: number) => id(number)): Layout {
  const disk = `disk:${serial}`;
  const part = (number: number) => ({
    kind: 'partition',
    id: `partition:${partUuid(number)}`,
    on: [`table:${disk}`],
    device: `/dev/${name}${name.startsWith('nvme') ? 'p' : ''}${number}`,
    number,
    ...base,
    partUuid: partUuid(number),
    name: `part ${number}`,
  });
  const on = (number: number) => [`partition:${partUuid(number)}`];
  const mount = (path: string, shown: string, line?: string) => {
    const [spec, , type, options] = line?.split(' ') ?? [];
    return {
      kind: 'mount',
      id: `mount:${where}${path}`,
      on: [shown],
      path: `${where}${path}`.replace(/(.)\/$/, '$1'),
      mounted: true,
      source: 'x',
      fstype: 'x',
      options: 'rw',
      root: '/',
      category: 'local',
      ...(spec === undefined ? {} : { fstab: { spec, type, options, dump: 0, pass: 0 } }),
    };
  };
  const components = [
    {
      kind: 'disk',
      id: disk,
      on: [],
      device: `/dev/${name}`,
      serial,
      transport: bus,
      rotational: false,
      removable: false,
      readOnly: false,
      ...base,
    },
    { kind: 'table', id: `table:${disk}`, on: [disk], type: 'gpt', uuid: id(90) },
    ...[1, 2, 3, 4, 5].map(part),
    { kind: 'ext', id: `filesystem:${id(11)}`, on: on(1), type: 'ext4', uuid: id(11), label: 'boot', ...base },
    {
      kind: 'swap',
      id: `swap:${id(12)}`,
      on: on(2),
      uuid: id(12),
      active: true,
      ...base,
      ...(where === '' ? { fstab: { spec: '/dev/sda2', type: 'swap', options: 'sw', dump: 0, pass: 0 } } : {}),
    },
    { kind: 'md', id: `md:${id(13)}`, on: on(3), device: '/dev/md0', uuid: id(13) },
    { kind: 'ext', id: `filesystem:${id(14)}`, on: [`md:${id(13)}`], type: 'ext4', uuid: id(14), ...base },
    {
      kind: 'luks',
      id: `luks:${id(15)}`,
      on: on(4),
      uuid: id(15),
      open: true,
      name: 'safe',
      device: '/dev/mapper/safe',
      ...base,
      ...(where === ''
        ? { crypttab: { name: 'safe', spec: `PARTUUID=${id(4)}`, key: '/root/key', options: 'luks' } }
        : {}),
    },
    { kind: 'pv', id: 'pv:one', on: [`luks:${id(15)}`], uuid: 'AAAAAA-0000-0000-0000-0000-0000-000001', ...base },
    { kind: 'vg', id: 'vg:one', on: ['pv:one'], uuid: 'one', name: 'vg-0' },
    {
      kind: 'lv',
      id: 'lv:root',
      on: ['vg:one'],
      uuid: 'root',
      name: 'root',
      device: '/dev/mapper/vg--0-root',
      segments: [],
      ...base,
    },
    {
      kind: 'lv',
      id: 'lv:data',
      on: ['vg:one'],
      uuid: 'data',
      name: 'data',
      device: '/dev/mapper/vg--0-data',
      segments: [],
      ...base,
    },
    { kind: 'ext', id: `filesystem:${root}`, on: ['lv:root'], type: 'ext4', uuid: root, ...base },
    { kind: 'btrfs', id: `filesystem:${id(16)}`, on: ['lv:data'], type: 'btrfs', uuid: id(16), ...base },
    ...['@srv', '@home'].map((path, index) => ({
      kind: 'subvolume',
      id: `subvolume:${id(16)}:${path}`,
      on: [`filesystem:${id(16)}`],
      path,
      number: (where === '' ? 300 : 256) + index,
      readOnly: false,
      isDefault: false,
    })),
    { kind: 'ext', id: `filesystem:${id(17)}`, on: on(5), type: 'ext4', uuid: id(17), ...base },
    mount('/', `filesystem:${root}`, where === '' ? `/dev/mapper/vg--0-root / ext4 errors=remount-ro` : undefined),
    mount('/boot', `filesystem:${id(11)}`, where === '' ? `PARTUUID=${id(1)} /boot ext4 defaults` : undefined),
    mount(
      '/srv',
      `subvolume:${id(16)}:@srv`,
      where === '' ? `UUID=${id(16)} /srv btrfs subvolid=300,noatime` : undefined,
    ),
    mount('/my data', `filesystem:${id(14)}`, where === '' ? `/dev/md0 /x ext4 defaults` : undefined),
    mount(
      '/opt',
      `filesystem:${id(17)}`,
      where === '' ? `/dev/disk/by-id/ata-Disk_OLD1-part5 /opt ext4 defaults` : undefined,
    ),
  ];
  return parseLayout({ format: 'lifeboat.layout/1', capturedAt: '2026-11-21T12:00:00.000Z', components, gaps: [] });
}
