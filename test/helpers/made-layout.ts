/** Layouts of machines that nobody has: of several sizes, and at random. */
import * as fc from 'fast-check';
import { type Layout, layoutSchema } from '../../src/layout/types.ts';

const MiB = 2 ** 20;
const GiB = 2 ** 30;
const TiB = 2 ** 40;
const guid = {
  efi: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
  linux: '0fc63daf-8483-4772-8e79-3d69d8477de4',
  raid: 'a19d880f-05fc-4d3b-a006-743f0f84911e',
};

type Made = { kind: string; id: string; on: string[] } & Record<string, unknown>;

/** A layout that is built as a capture would build it. */
export function made(gaps: Layout['gaps'] = []) {
  const components: Made[] = [];
  const add = (kind: string, id: string, on: string[], rest: Record<string, unknown>): string => {
    const whole = Object.entries(rest).map(([key, value]) => [
      key,
      typeof value === 'number' ? Math.round(value) : value,
    ]);
    components.push({ kind, id, on, ...Object.fromEntries(whole) });
    return id;
  };
  return {
    disk: (device: string, sizeBytes: number, rest: object = {}) =>
      add('disk', `disk:${device}`, [], {
        device,
        sizeBytes,
        rotational: false,
        removable: false,
        readOnly: false,
        ...rest,
      }),
    table: (disk: string, type = 'gpt') => add('table', `table:${disk}`, [disk], { type, uuid: `${type}-of-${disk}` }),
    partition: (table: string, device: string, number: number, startBytes: number, sizeBytes: number, rest: object) =>
      add('partition', `partition:${device}`, [table], { device, number, startBytes, sizeBytes, ...rest }),
    unknown: (rawType: string, on: string[], sizeBytes: number, rest: { device?: string; label?: string } = {}) =>
      add('unknown', `unknown:${rest.device ?? on.join()}:${rawType}`, on, { rawType, sizeBytes, ...rest }),
    filesystem: (kind: string, type: string, on: string[], sizeBytes: number, rest: object = {}) =>
      add(kind, `filesystem:${components.length}`, on, { type, sizeBytes, ...rest }),
    mount: (path: string, on: string[], rest: object = {}) =>
      add('mount', `mount:${components.length}:${path}`, on, {
        path,
        source: 'source',
        fstype: 'ext4',
        options: 'rw',
        root: '/',
        category: 'local',
        ...rest,
      }),
    add,
    layout: (): Layout =>
      layoutSchema.parse({ format: 'lifeboat.layout/1', capturedAt: '2026-11-20T12:00:00.000Z', components, gaps }),
  };
}

/** Two disks: EFI, mirror, encryption, volumes; a third with Windows' table and btrfs over two partitions. */
export function middling(): Layout {
  const m = made([
    { subject: 'smartctl', problem: 'no such program', hint: 'install smartmontools' },
    { subject: '/dev/sdc2', problem: 'cannot see what is on it: Input/output error' },
  ]);
  const members = ['/dev/nvme0n1', '/dev/nvme1n1'].map((device, index) => {
    const disk = m.disk(device, 1.92e12, {
      model: 'SAMSUNG MZQL21T9HCJR-00A07',
      serial: `S64GNN0W20${index}417`,
      transport: 'nvme',
    });
    const table = m.table(disk);
    const efi = m.partition(table, `${device}p1`, 1, MiB, 512 * MiB, { typeId: guid.efi, name: 'EFI' });
    const fat = m.filesystem('vfat', 'vfat', [efi], 512 * MiB, { label: `EFI${index}`, usedBytes: 6.1 * MiB });
    if (index === 0) m.mount('/boot/efi', [fat], { fstype: 'vfat' });
    const boot = m.partition(table, `${device}p2`, 2, 513 * MiB, GiB, { typeId: guid.raid, name: 'boot' });
    const rest = m.partition(table, `${device}p3`, 3, 1537 * MiB, 1.6e12, { typeId: guid.raid, name: 'data' });
    return [
      m.unknown('linux_raid_member', [boot], GiB, { label: 'host:boot' }),
      m.unknown('linux_raid_member', [rest], 1.6e12, { label: 'host:data' }),
    ];
  });
  const boot = m.unknown(
    'raid1',
    members.map(([one = '']) => one),
    GiB,
    { device: '/dev/md0' },
  );
  m.mount('/boot', [m.filesystem('ext', 'ext4', [boot], GiB, { label: 'boot', usedBytes: 312 * MiB })]);
  const data = m.unknown(
    'raid1',
    members.map(([, two = '']) => two),
    1.6e12,
    { device: '/dev/md1' },
  );
  const luks = m.unknown('crypto_LUKS', [data], 1.6e12);
  const crypt = m.unknown('crypt', [luks], 1.6e12, { device: '/dev/mapper/data' });
  const pv = m.unknown('LVM2_member', [crypt], 1.6e12);
  const volume = (name: string, sizeBytes: number) =>
    m.unknown('lvm', [pv], sizeBytes, { device: `/dev/mapper/vg0-${name}` });
  const root = m.mount('/', [
    m.filesystem('xfs', 'xfs', [volume('root', 60 * GiB)], 60 * GiB, { label: 'root', usedBytes: 18.4 * GiB }),
  ]);
  const home = m.filesystem('ext', 'ext4', [volume('home', 400 * GiB)], 400 * GiB, { usedBytes: 371 * GiB });
  m.mount('/home', [home]);
  m.mount('/srv/users', [home], { category: 'bind' });
  m.mount('/var/lib/postgresql', [
    m.filesystem('xfs', 'xfs', [volume('postgres', 500 * GiB)], 500 * GiB, { label: 'postgres', usedBytes: 212 * GiB }),
  ]);
  m.add('swap', 'swap:1', [volume('swap', 32 * GiB)], { sizeBytes: 32 * GiB, active: true, uuid: 'f00d' });
  m.add('swap', 'swap:file:/swapfile', [root], { sizeBytes: 4 * GiB, active: true, file: '/swapfile' });
  const large = ['/dev/sda', '/dev/sdb'].map((device, index) =>
    m.disk(device, 8e12, {
      model: 'WDC WD80EFZX-68UW8N0',
      serial: `VK0HX${index}2Y`,
      transport: 'sata',
      rotational: true,
    }),
  );
  const btrfs = m.filesystem('btrfs', 'btrfs', large, 1.6e13, { label: 'backup', usedBytes: 9.1e12, uuid: '5be1-77' });
  const subvolume = (path: string, rest: object = {}) =>
    m.add('subvolume', `subvolume:${path}`, [btrfs], { path, number: 256, readOnly: false, isDefault: false, ...rest });
  m.mount('/backup', [subvolume('@backup', { isDefault: true })], { fstype: 'btrfs' });
  subvolume('@archive');
  for (const day of [17, 18, 19]) subvolume(`snapshots/2026-11-${day}`, { readOnly: true, parentUuid: 'aa' });
  const usb = m.disk('/dev/sdc', 64.0e9, {
    model: 'Ultra Fit',
    vendor: 'SanDisk',
    serial: '4C530001',
    transport: 'usb',
    removable: true,
  });
  const dos = m.table(usb, 'dos');
  const fat = m.partition(dos, '/dev/sdc1', 1, MiB, 16 * GiB, { role: 'primary', typeId: '0xc' });
  m.filesystem('vfat', 'vfat', [fat], 16 * GiB, { label: 'RESCUE' });
  const extended = m.partition(dos, '/dev/sdc2', 2, 17 * GiB, 30 * GiB, { role: 'extended', typeId: '0xf' });
  const logical = m.partition(extended, '/dev/sdc5', 5, 17 * GiB + MiB, 20 * GiB, { role: 'logical', typeId: '0x83' });
  m.filesystem('filesystem', 'f2fs', [logical], 20 * GiB, { label: 'spare', usedBytes: GiB });
  m.mount('/mnt/nas', [], {
    category: 'network',
    fstype: 'nfs4',
    source: 'nas.example.net:/export/archive',
    sizeBytes: 40 * TiB,
    usedBytes: 31 * TiB,
  });
  m.mount('/mnt/old', [], { category: 'network', fstype: 'cifs', source: '//files.example.net/old', mounted: false });
  m.mount('/run', [], {
    category: 'memory',
    fstype: 'tmpfs',
    source: 'tmpfs',
    sizeBytes: 6.3 * GiB,
    usedBytes: 2.1 * MiB,
  });
  m.mount('/tmp', [], {
    category: 'memory',
    fstype: 'tmpfs',
    source: 'tmpfs',
    sizeBytes: 31 * GiB,
    usedBytes: 40 * MiB,
  });
  m.mount('/var/lib/containers/storage/overlay/4f1c/merged', [], {
    category: 'overlay',
    fstype: 'overlay',
    source: 'overlay',
  });
  m.mount('/proc', [], { category: 'pseudo', fstype: 'proc', source: 'proc' });
  m.mount('/sys', [], { category: 'pseudo', fstype: 'sysfs', source: 'sysfs' });
  return m.layout();
}

/** Forty disks in five RAID 6 with forty volumes each. */
export function large(): Layout {
  const m = made();
  const system = m.table(m.disk('/dev/sda', 480e9, { model: 'INTEL SSDSC2KB48', serial: 'BTYF01', transport: 'sata' }));
  m.mount('/boot/efi', [
    m.filesystem(
      'vfat',
      'vfat',
      [m.partition(system, '/dev/sda1', 1, MiB, 512 * MiB, { typeId: guid.efi })],
      512 * MiB,
    ),
  ]);
  m.mount('/', [
    m.filesystem('ext', 'ext4', [m.partition(system, '/dev/sda2', 2, GiB, 478e9, { typeId: guid.linux })], 478e9, {
      usedBytes: 51e9,
    }),
  ]);
  const names = Array.from(
    { length: 40 },
    (_, index) => `/dev/sd${index < 25 ? '' : 'a'}${String.fromCharCode(index < 25 ? 98 + index : 72 + index)}`,
  );
  for (let array = 0; array < 5; array += 1) {
    const members = names.slice(array * 8, array * 8 + 8).map((device) => {
      const disk = m.disk(device, 1.8e13, {
        model: 'ST18000NM000J-2TV103',
        serial: `ZR5${device.slice(-2)}9Q`,
        transport: 'sas',
        rotational: true,
      });
      const part = m.partition(m.table(disk), `${device}1`, 1, MiB, 1.8e13 - 2 * MiB, { typeId: guid.raid });
      return m.unknown('linux_raid_member', [part], 1.8e13, { label: `host:${array}` });
    });
    const pv = m.unknown('LVM2_member', [m.unknown('raid6', members, 1.08e14, { device: `/dev/md${array}` })], 1.08e14);
    for (let volume = 0; volume < 40; volume += 1) {
      const size = (1 + ((volume * 7) % 5)) * 0.8e12;
      const device = m.unknown('lvm', [pv], size, {
        device: `/dev/mapper/vg${array}-customer_${String(volume).padStart(3, '0')}`,
      });
      m.mount(`/srv/customers/${array}/${volume}`, [
        m.filesystem('xfs', 'xfs', [device], size, { usedBytes: size * ((volume % 10) / 10) }),
      ]);
    }
  }
  return m.layout();
}

export function crowded(count: number): Layout {
  const m = made();
  const root = m.filesystem('ext', 'ext4', [m.disk('/dev/vda', 100 * GiB)], 100 * GiB, { usedBytes: 7 * GiB });
  m.mount('/', [root]);
  for (let index = 0; index < count; index += 1) {
    m.mount(`/var/lib/pods/${index}`, [root], { category: 'bind', root: `/var/lib/volumes/${index}` });
  }
  return m.layout();
}

const nasty = [
  '<script>alert(1)</script>',
  ']]>',
  '" onload="x',
  '&amp;&#0;',
  'new\nline\tand\r',
  '\u001b[31m\u0000\u007f\u009f',
  '\u202eright to left\u2066',
  '\udcff\udc80 no UTF-8',
  '\ufffe\uffff',
  '\u2028\u2029',
  'ハードディスク',
  '💾'.repeat(40),
  `${'very-long-'.repeat(60)}name`,
  '   ',
] as const;

const hostile = fc.oneof(fc.constantFrom(...nasty), fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }));

/** Any graph of any kinds, whether it makes sense or not. */
export const anyLayout = fc
  .array(
    fc.record({
      kind: fc.constantFrom(
        'disk',
        'table',
        'partition',
        'unknown',
        'member',
        'btrfs',
        'ext',
        'swap',
        'subvolume',
        'mount',
      ),
      name: hostile,
      on: fc.array(fc.nat(), { maxLength: 3 }),
      size: fc.oneof(fc.constant(0), fc.maxSafeNat()),
      category: fc.constantFrom('local', 'network', 'memory', 'pseudo', 'bind', 'overlay'),
      flag: fc.boolean(),
    }),
    { maxLength: 24 },
  )
  .map((list) => {
    const m = made(list.filter(({ flag }) => flag).map(({ name }) => ({ subject: name, problem: name })));
    const ids: string[] = [];
    for (const { kind, name, on: below, size, category, flag } of list) {
      const on = [...new Set(below.flatMap((index) => ids[index % Math.max(1, ids.length)] ?? []))];
      const id = `${kind === 'ext' || kind === 'btrfs' ? 'filesystem' : kind}:${ids.length}`;
      const all: Record<string, Record<string, unknown>> = {
        disk: {
          device: `/dev/${name}`,
          model: name,
          sizeBytes: size,
          rotational: flag,
          removable: flag,
          readOnly: flag,
        },
        table: { type: name, uuid: name },
        partition: {
          device: name,
          number: ids.length,
          sizeBytes: size,
          name,
          ...(flag ? { startBytes: size / 2 } : {}),
        },
        unknown: { rawType: name, device: name, sizeBytes: size },
        member: { rawType: name, label: name, sizeBytes: size },
        btrfs: { type: 'btrfs', label: name, sizeBytes: size, usedBytes: size / 3 },
        ext: { type: name, uuid: name, sizeBytes: size },
        swap: { sizeBytes: size, active: flag, ...(flag ? { file: name } : { label: name }) },
        subvolume: { path: name, number: 5, readOnly: flag, isDefault: flag },
        mount: { path: name, mounted: flag, source: name, fstype: name, options: '', root: name, category },
      };
      ids.push(m.add(kind === 'member' ? 'unknown' : kind, id, on, all[kind] ?? {}));
    }
    return m.layout();
  });
