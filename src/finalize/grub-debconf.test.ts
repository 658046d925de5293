import { expect, test } from 'vitest';
import { notedDisks } from './grub-debconf.ts';

test('the disks that Debian noted for GRUB', () => {
  const content = [
    'Name: grub-pc/install_devices\nTemplate: grub-pc/install_devices\nValue: /dev/disk/by-id/ata-A, /dev/disk/by-id/ata-B\nOwners: grub-pc\nFlags: seen\n',
    'Name: grub-pc/install_devices_empty\nTemplate: x\nValue: false\n',
  ].join('\n');
  expect(notedDisks(content)).toEqual(['/dev/disk/by-id/ata-A', '/dev/disk/by-id/ata-B']);
  expect(notedDisks('Name: grub-pc/install_devices\nTemplate: x\nOwners: grub-pc\n')).toEqual([]);
  expect(notedDisks('')).toEqual([]);
});
