import { expect, test } from 'vitest';
import { commandLine, diskDevices } from './command-line.ts';
import type { Disk, MachineSpec } from './spec.ts';

const files = { qmp: '/r/qmp', serial: '/r/serial', serialLog: '/r/log', agent: '/r/agent', pid: '/r/pid' };
const options = { accelerator: 'tcg', files, incoming: false } as const;
const bare: MachineSpec = { name: 'm', memoryMiB: 512, cpus: 1, firmware: { kind: 'bios' }, disks: [], cards: [] };
const disk = (more: Partial<Disk>): Disk => ({ file: '/d', format: 'qcow2', serial: 'S1', bus: 'virtio', ...more });

/** The values that follow an option. */
function valuesOf(args: readonly string[], option: string): string[] {
  return args.flatMap((arg, index) => (args[index - 1] === option ? [arg] : []));
}

test('a machine reaches nothing outside: user networks are restricted, others are wires', () => {
  const cards = [
    { network: { kind: 'user', forwards: [{ hostPort: 2222, guestPort: 22 }] } },
    { network: { kind: 'user', services: [{ address: '10.0.2.100', port: 22, program: 'nc -q1,2 127.0.0.1 22' }] } },
    { network: { kind: 'segment', number: 3 } },
    { network: { kind: 'wire', path: '/r/a,b', listens: true } },
  ] as const;
  expect(valuesOf(commandLine({ ...bare, cards }, options), '-netdev')).toEqual([
    'user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:2222-:22',
    'user,id=net1,restrict=on,guestfwd=tcp:10.0.2.100:22-cmd:nc -q1,,2 127.0.0.1 22',
    'hubport,id=net2,hubid=3',
    'stream,id=net3,server=on,addr.type=unix,addr.path=/r/a,,b',
  ]);
});

test('a card that the firmware starts from, on an interface that is there', () => {
  const cards = [{ network: { kind: 'tap', name: 'tap0' }, bootIndex: 1 }] as const;
  const args = commandLine({ ...bare, cards }, options);
  expect(valuesOf(args, '-netdev')).toEqual(['tap,id=net0,ifname=tap0,script=no,downscript=no']);
  expect(valuesOf(args, '-device').join('\n')).toMatch(/"driver":"virtio-net-pci",.*"bootindex":1/);
});

test('cards of two makers', () => {
  const cards = [
    { network: { kind: 'segment', number: 1 } },
    { network: { kind: 'segment', number: 1 }, model: 'e1000e' },
  ] as const;
  const devices = valuesOf(commandLine({ ...bare, cards }, options), '-device').join('\n');
  expect(devices).toMatch(/"driver":"virtio-net-pci","id":"card0"/);
  expect(devices).toMatch(/"driver":"e1000e","id":"card1"/);
});

test('machines at both ends of a wire have hardware addresses of their own', () => {
  const macOfEnd = (listens: boolean) => {
    const cards = [{ network: { kind: 'wire', path: '/r/wire', listens } }] as const;
    return /"mac":"([^"]*)"/.exec(commandLine({ ...bare, cards }, options).join(' '))?.[1];
  };
  expect([macOfEnd(true), macOfEnd(false)]).toEqual(['52:54:00:00:00:01', '52:54:00:00:01:01']);
});

test('a TPM is reached by the socket of its emulator', () => {
  const args = commandLine({ ...bare, tpm: '/r/a,b' }, options);
  expect(valuesOf(args, '-tpmdev')).toEqual(['emulator,id=tpm0,chardev=tpm']);
  expect(valuesOf(args, '-chardev')).toContain('socket,id=tpm,path=/r/a,,b');
  expect(valuesOf(args, '-device')).toContain('{"driver":"tpm-tis","tpmdev":"tpm0"}');
  expect(commandLine(bare, options).join(' ')).not.toContain('tpm');
});

test('every bus takes a disk by its serial number', () => {
  for (const bus of ['virtio', 'scsi', 'sata', 'nvme', 'usb'] as const) {
    expect(diskDevices(disk({ bus })).device).toMatchObject({ serial: 'S1', id: 'disk-S1', drive: 'node-S1' });
  }
});

test('each SATA disk has a port of its own, as long as there are any', () => {
  const disks = Array.from({ length: 5 }, (_, index) => disk({ bus: 'sata', serial: `S${index}` }));
  const devices = valuesOf(commandLine({ ...bare, disks }, options), '-device').join('\n');
  expect([...devices.matchAll(/"bus":"(ide\.\d)"/g)].map(([, bus]) => bus)).toEqual([
    'ide.0',
    'ide.1',
    'ide.2',
    'ide.3',
    'ide.4',
  ]);
  const many = [...disks, disk({ bus: 'sata', serial: 'S5' })];
  expect(() => commandLine({ ...bare, disks: many }, options)).toThrow('room for 5 SATA disks');
});

test('a world wide name is a number to QEMU, larger than those of JSON', () => {
  const disks = [disk({ bus: 'scsi', wwn: '5000c50015ea71aa' })];
  expect(commandLine({ ...bare, disks }, options).join(' ')).toContain('"wwn":5764824127192592810');
});

test('a host without room left is an error of the guest and halts no machine', () => {
  // The nvme device knows nothing else.
  for (const bus of ['virtio', 'scsi', 'sata', 'usb'] as const) {
    expect(diskDevices(disk({ bus })).device).toMatchObject({ werror: 'report' });
  }
});

test('what a disk cannot be is refused', () => {
  for (const wrong of [
    disk({ serial: 'longer than twenty letters' }),
    disk({ serial: '' }),
    disk({ wwn: '5000c50015ea71aa' }),
    disk({ bus: 'scsi', wwn: '0x5000' }),
    disk({ bus: 'sata', sectorSize: 4096 }),
  ]) {
    expect(() => diskDevices(wrong)).toThrow(/^disk /);
  }
});

test('Secure Boot protects the flash memory from the guest', () => {
  const uefi = { kind: 'uefi', code: '/f/code', variables: '/f/vars', secureBoot: true } as const;
  const args = commandLine({ ...bare, firmware: uefi }, options);
  expect(valuesOf(args, '-machine')).toEqual(['q35,smm=on']);
  expect(valuesOf(args, '-global')).toContain('driver=cfi.pflash01,property=secure,value=on');
  const open = commandLine({ ...bare, firmware: { ...uefi, secureBoot: false } }, options);
  expect(valuesOf(open, '-global')).toEqual([]);
});

test('a guest can tell of a crash where somebody wants to know', () => {
  const told = (args: readonly string[]) => valuesOf(args, '-device').filter((one) => one.includes('pvpanic'));
  expect(told(commandLine(bare, options))).toEqual([]);
  expect(told(commandLine({ ...bare, tellsPanic: true }, options))).toEqual(['{"driver":"pvpanic"}']);
});
