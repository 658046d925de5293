import { describe, expect, test } from 'vitest';
import { debian12Machines, recordedLayout, recordedMachines } from '../../test/helpers/recorded-layouts.ts';
import type { Facts } from '../facts/types.ts';
import { withWholeDisks } from '../layout/rebuild/attached.ts';
import type { Component, ComponentOf, Layout } from '../layout/types.ts';
import type { Network } from '../network/types.ts';
import { commandLine } from '../qemu/command-line.ts';
import { type Captured, drillMachine, type Room } from './machine.ts';

const capturedAt = '2026-11-21T12:00:00Z';
const GiB = 1024 ** 3;

const facts = (own: Partial<Facts> = {}): Facts =>
  ({
    format: 'lifeboat.facts/1',
    capturedAt,
    hostname: 'web',
    osRelease: {},
    kernel: '6.1.0',
    architecture: 'x86_64',
    cpuCount: 8,
    memoryBytes: 16 * GiB,
    firmware: 'bios',
    packages: [],
    gaps: [],
    ...own,
  }) as Facts;

const network = (links: Partial<Network['links'][number]>[] = []): Network =>
  ({ format: 'lifeboat.network/1', capturedAt, links, gaps: [] }) as unknown as Network;

const disk = (own: Partial<ComponentOf<'disk'>> = {}): ComponentOf<'disk'> => ({
  kind: 'disk',
  id: `disk:${own.serial ?? own.device ?? 'x'}`,
  on: [],
  device: '/dev/sda',
  sizeBytes: 10 * GiB,
  rotational: false,
  removable: false,
  readOnly: false,
  ...own,
});

const layout = (components: Component[]): Layout => ({ format: 'lifeboat.layout/1', capturedAt, components, gaps: [] });

const room: Room = { spareMiB: 8192, cpus: 2, architecture: 'x86_64' };

const made = (own: Partial<Captured>, other: Partial<Room> = {}) =>
  drillMachine({ layout: layout([disk()]), network: network(), facts: facts(), ...own }, { ...room, ...other });

test.for(recordedMachines)('%s becomes a machine with the same disks, which QEMU can be told', async (name) => {
  const recorded = await recordedLayout(name);
  const machine = made({ layout: recorded });
  const wanted = withWholeDisks(recorded).components.flatMap((one) =>
    one.kind === 'disk' && !one.removable && one.sizeBytes > 0 ? [one] : [],
  );
  expect(machine.disks.map(({ of }) => of)).toEqual(wanted.map(({ id }) => id));
  for (const [index, { sizeBytes, logicalSector, serial }] of wanted.entries()) {
    const made = machine.disks[index];
    expect(made?.sizeBytes).toBeGreaterThanOrEqual(sizeBytes);
    expect((made?.sizeBytes ?? 0) - sizeBytes).toBeLessThan(4096);
    expect(made?.sectorSize).toBe(logicalSector ?? 512);
    // The lab gives its disks serials that a machine can have.
    if (serial !== undefined && /^[\w-]{1,20}$/.test(serial)) expect(made?.serial).toBe(serial);
  }
  const files = { qmp: 'q', serial: 's', serialLog: 'l', agent: 'a', pid: 'p' };
  const spec = {
    name,
    memoryMiB: machine.memoryMiB,
    cpus: machine.cpus,
    firmware: { kind: 'bios' },
    disks: machine.disks.map((one) => ({ ...one, file: `${one.serial}.qcow2`, format: 'qcow2' as const })),
    cards: [],
  } as const;
  const line = commandLine(spec, { accelerator: 'tcg', files, incoming: false }).join(' ');
  for (const { serial } of machine.disks) expect(line).toContain(`"serial":"${serial}"`);
});

test('the recorded machines are enough to say something', () => {
  expect(debian12Machines.length).toBeGreaterThan(20);
});

describe('disks', () => {
  test.for([
    ['nvme', '/dev/nvme0n1', 'nvme'],
    ['sata', '/dev/sda', 'sata'],
    ['ata', '/dev/sda', 'sata'],
    ['sas', '/dev/sda', 'scsi'],
    ['usb', '/dev/sda', 'usb'],
    ['virtio', '/dev/vda', 'virtio'],
    [undefined, '/dev/vda', 'virtio'],
    [undefined, '/dev/sda', 'scsi'],
    ['mmc', '/dev/mmcblk0', 'virtio'],
    [undefined, '/dev/xvda', 'virtio'],
  ] as const)('transport %s, %s: %s', ([transport, device, bus]) => {
    const own = disk({ device, ...(transport === undefined ? {} : { transport }) });
    expect(made({ layout: layout([own]) }).disks[0]?.bus).toBe(bus);
  });

  test('serials are kept as far as they can be, and are never the same twice', () => {
    const serials = ['WD-1234', 'two words', 'a-very-long-serial-number-of-a-disk', 'WD-1234', ''];
    const disks = serials.map((serial, index) => disk({ id: `disk:${index}`, serial }));
    expect(made({ layout: layout(disks) }).disks.map(({ serial }) => serial)).toEqual([
      'WD-1234',
      'two_words',
      'a-very-long-serial-n',
      'DRILL4',
      'DRILL5',
    ]);
  });

  test('a world wide name is kept where the bus has them', () => {
    const wwn = '0x5000C500A1B2C3D4';
    const on = (transport: string) => made({ layout: layout([disk({ wwn, transport })]) }).disks[0]?.wwn;
    expect([on('sas'), on('sata'), on('virtio')]).toEqual(['5000c500a1b2c3d4', '5000c500a1b2c3d4', undefined]);
  });

  test('what SATA cannot be here is on SCSI, and said', () => {
    const disks = Array.from({ length: 7 }, (_, index) =>
      disk({ id: `disk:${index}`, serial: `S${index}`, transport: 'sata', logicalSector: index === 0 ? 4096 : 512 }),
    );
    const machine = made({ layout: layout(disks) });
    expect(machine.disks.map(({ bus }) => bus)).toEqual(['scsi', 'sata', 'sata', 'sata', 'sata', 'sata', 'scsi']);
    expect(machine.notes.filter((note) => note.includes('SCSI')).length).toBe(2);
  });

  test('what can be pulled out, and drives without a medium, are not there', () => {
    const disks = [disk(), disk({ id: 'stick', removable: true }), disk({ id: 'empty', sizeBytes: 0 })];
    expect(made({ layout: layout(disks) }).disks.length).toBe(1);
    expect(() => made({ layout: layout([disk({ removable: true })]) })).toThrow(/no disk was recorded/);
  });
});

describe('memory and processors', () => {
  test.for([
    [16, 8192, undefined, 8192],
    [4, 8192, undefined, 4096],
    [16, 8192, 2048, 2048],
    [0.5, 8192, undefined, 1024],
    [16, 100, undefined, 1024],
  ] as const)('recorded %s GiB, to spare %s MiB, chosen %s: %s', ([recorded, spareMiB, chosen, wanted]) => {
    const own = facts({ memoryBytes: recorded * GiB });
    const { memoryMiB, notes } = made(
      { facts: own },
      { spareMiB, ...(chosen === undefined ? {} : { memoryMiB: chosen }) },
    );
    expect(memoryMiB).toBe(wanted);
    expect(notes.some((note) => note.includes('memory'))).toBe(wanted < recorded * 1024);
  });

  test('no more processors than are here', () => {
    expect(made({}).cpus).toBe(2);
    expect(made({ facts: facts({ cpuCount: 1 }) }).cpus).toBe(1);
  });

  test('another architecture is refused', () => {
    expect(() => made({ facts: facts({ architecture: 'aarch64' }) })).toThrow(/aarch64/);
  });
});

describe('firmware', () => {
  const boot = (own: Partial<ComponentOf<'boot'>>): Layout =>
    layout([disk(), { kind: 'boot', id: 'boot', on: [], firmware: 'unknown', ...own } as ComponentOf<'boot'>]);
  test.for([
    [boot({ firmware: 'bios' }), 'uefi', 'bios'],
    [boot({ firmware: 'uefi' }), 'bios', 'uefi'],
    [boot({ firmware: 'uefi', secureBoot: { state: 'enabled' } }), 'uefi', 'secure'],
    [boot({ firmware: 'uefi', secureBoot: { state: 'disabled' } }), 'uefi', 'uefi'],
    [boot({}), 'uefi', 'uefi'],
    [layout([disk()]), 'bios', 'bios'],
    [layout([disk()]), 'unknown', 'bios'],
  ] as const)('case %#', ([recorded, firmware, wanted]) => {
    expect(made({ layout: recorded, facts: facts({ firmware }) }).firmware).toBe(wanted);
  });
});

describe('cards', () => {
  const card = (name: string, own: object) => ({
    name,
    index: 1,
    kind: 'ether',
    mtu: 1500,
    state: 'up',
    addresses: [],
    ...own,
  });
  test('each has the address that it had, and another model where there is one', () => {
    const links = [
      card('eth0', {
        busPath: 'pci0/1',
        permanentMac: '52:54:00:AA:00:01',
        mac: '02:00:00:00:00:09',
        driver: 'e1000e',
      }),
      card('eth1', { busPath: 'pci0/2', mac: '52:54:00:aa:00:02', driver: 'mlx5_core' }),
      card('eth2', { busPath: 'pci0/3', mac: '01:00:5e:00:00:01' }),
      card('wlan0', { busPath: 'pci0/4', wireless: true }),
      card('br0', { kind: 'bridge' }),
    ];
    const machine = made({ network: network(links) });
    expect(machine.cards).toEqual([
      { model: 'e1000e', mac: '52:54:00:aa:00:01' },
      { model: 'virtio', mac: '52:54:00:aa:00:02' },
      { model: 'virtio' },
    ]);
    expect(machine.notes.some((note) => note.includes('wireless'))).toBe(true);
  });
});
