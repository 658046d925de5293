import { join } from 'node:path';
import { expect, test } from 'vitest';
import { closureOf, moduleName, parseNeeds, readChoice } from './modules.ts';

const text = `kernel/fs/ext4/ext4.ko.xz: kernel/lib/crc16.ko.xz kernel/fs/mbcache.ko.xz kernel/fs/jbd2/jbd2.ko.xz
kernel/lib/crc16.ko.xz:
kernel/fs/mbcache.ko.xz:
kernel/fs/jbd2/jbd2.ko.xz:
kernel/drivers/scsi/hpsa.ko: kernel/drivers/scsi/scsi_transport_sas.ko
kernel/drivers/scsi/scsi_transport_sas.ko:
updates/dkms/zfs.ko.xz: updates/dkms/spl.ko.xz
updates/dkms/spl.ko.xz:
`;
const rescue = join(import.meta.dirname, '../../rescue');
const nothing = { takes: [], leaves: [] };
const modules = { version: '6.1', directory: '/', needs: parseNeeds(text) };

test('what is chosen brings what it needs', () => {
  const ext4 = { takes: [/^fs\/ext4\//], leaves: [] };
  expect(closureOf(modules, ext4).map(moduleName)).toEqual(['ext4', 'jbd2', 'mbcache', 'crc16']);
  expect(closureOf(modules, nothing, new Set(['hpsa', 'zfs'])).map(moduleName)).toEqual([
    'hpsa',
    'scsi_transport_sas',
    'spl',
    'zfs',
  ]);
  expect(closureOf(modules, nothing)).toEqual([]);
});

test('what is left out stays out, whoever wants it, but for what something else needs', () => {
  const choice = { takes: [/./], leaves: [/^drivers\/scsi\/hpsa\./, /^fs\/(jbd2|mbcache)\//, /^lib\//] };
  expect(closureOf(modules, choice, new Set(['hpsa', 'ext4'])).map(moduleName)).toEqual([
    'scsi_transport_sas',
    'ext4',
    'jbd2',
    'mbcache',
    'crc16',
    'spl',
    'zfs',
  ]);
});

test('the lists say what goes in, and what a host that has it loaded does not bring along', async () => {
  const needs = new Map(
    [
      'sound/core/snd.ko.xz',
      'drivers/gpu/drm/drm.ko.xz',
      'drivers/scsi/hpsa.ko.xz',
      'fs/xfs/xfs.ko.xz',
      'fs/squashfs/squashfs.ko.xz',
    ].map((path) => [`kernel/${path}`, []]),
  );
  const of = async (list: string) =>
    closureOf({ ...modules, needs }, await readChoice(join(rescue, list)), new Set(['snd', 'drm', 'hpsa', 'xfs'])).map(
      moduleName,
    );
  expect(await of('modules')).toEqual(['hpsa', 'squashfs', 'xfs']);
  expect(await of('first/modules')).toEqual(['hpsa', 'squashfs']);
});
