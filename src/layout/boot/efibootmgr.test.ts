import { expect, test } from 'vitest';
import { type BootMachine, bootMachine } from '../../../test/helpers/boot-machines.ts';
import { parseEfibootmgr } from './efibootmgr.ts';

const said = (name: BootMachine): string =>
  bootMachine(name).commands.find(({ argv }) => argv[0] === 'efibootmgr')?.stdout ?? '';

const esp = '0b0f1a4e-0002-4000-8000-000000000a02';
const stub = {
  active: true,
  label: 'Linux (stub)',
  partUuid: esp,
  partitionNumber: 2,
  path: '\\vmlinuz-linux',
  arguments: 'root=UUID=3c1b7a52-90de-4c1f-8b7e-5d2a64b0c101 rw initrd=\\initramfs-linux.img',
};

test('version 17: paths as File(…), data as letters and dots', () => {
  const { entries, order, next, timeoutSeconds } = parseEfibootmgr(said('debian11-systemd-boot'));
  expect([next, timeoutSeconds]).toEqual(['0000', 3]);
  expect(order).toContain('0002');
  expect(entries.find(({ label }) => label === 'debian')).toMatchObject({
    partUuid: esp,
    path: '\\EFI\\debian\\shimx64.efi',
  });
  expect(entries.find(({ label }) => label === 'Linux (stub)')).toMatchObject(stub);
  expect(entries.find(({ label }) => label.startsWith('UEFI HTTPv4'))).toMatchObject({
    mac: '52:54:00:12:34:56',
    devicePath: 'PciRoot(0x0)/Pci(0x3,0x0)/MAC(525400123456,1)/IPv4(0.0.0.00.0.0.0,0,0)/Uri()',
  });
});

test('version 18: the bytes of path and data in lines of their own', () => {
  const { entries, order, current } = parseEfibootmgr(said('debian13-secure-boot'));
  expect([current, order]).toEqual(['0001', ['0003', '0001', '0000', '0002']]);
  expect(entries).toMatchObject([
    { number: '0000', devicePath: expect.stringMatching(/^FvVol/) },
    { number: '0001', label: 'UEFI Misc Device', devicePath: 'PciRoot(0x0)/Pci(0x2,0x0)' },
    { number: '0002' },
    { number: '0003', label: 'debian', path: '\\EFI\\debian\\shimx64.efi' },
    { number: '0004', ...stub },
  ]);
});

test.each(['', 'garbage', 'EFI variables are not supported on this system.\n'])('%j is refused', (output) => {
  expect(() => parseEfibootmgr(output)).toThrow();
});
