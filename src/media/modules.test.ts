import { expect, test } from 'vitest';
import { closureOf, moduleName, parseNeeds } from './modules.ts';

const text = `kernel/fs/ext4/ext4.ko.xz: kernel/lib/crc16.ko.xz kernel/fs/mbcache.ko.xz kernel/fs/jbd2/jbd2.ko.xz
kernel/lib/crc16.ko.xz:
kernel/fs/mbcache.ko.xz:
kernel/fs/jbd2/jbd2.ko.xz:
kernel/drivers/scsi/hpsa.ko: kernel/drivers/scsi/scsi_transport_sas.ko
kernel/drivers/scsi/scsi_transport_sas.ko:
updates/dkms/zfs.ko.xz: updates/dkms/spl.ko.xz
updates/dkms/spl.ko.xz:
`;
const modules = { version: '6.1', directory: '/', needs: parseNeeds(text) };

test('what is chosen brings what it needs', () => {
  expect(closureOf(modules, [/^fs\/ext4\//]).map(moduleName)).toEqual(['ext4', 'jbd2', 'mbcache', 'crc16']);
  expect(closureOf(modules, [], new Set(['hpsa', 'zfs'])).map(moduleName)).toEqual([
    'hpsa',
    'scsi_transport_sas',
    'spl',
    'zfs',
  ]);
  expect(closureOf(modules, [])).toEqual([]);
});
