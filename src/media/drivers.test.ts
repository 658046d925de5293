import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { type Driven, drivenDevices, refuseUndriven } from './drivers.ts';
import type { Tools } from './tools.ts';

/** What the kernel of the medium answers for aliases. */
const toolsThatKnow = (...aliases: readonly string[]): Tools => ({
  file: (path) => path,
  argv: async (program, args) => await Promise.resolve([program, ...args]),
  run: async (_program, args) =>
    await Promise.resolve({ code: aliases.includes(args.at(-1) ?? '') ? 0 : 1, stdout: Buffer.alloc(0), stderr: '' }),
});

async function files(root: string, contents: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(contents)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

async function links(root: string, targets: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, target] of Object.entries(targets)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await symlink(join(root, target), join(root, path));
  }
}

test('the way from a disk and a card to the bus, but not what is virtual or by radio', async () => {
  await using sys = await temporaryDirectory();
  const port = 'devices/pci0000:00/0000:00:1f.0';
  await files(sys.path, {
    [`${port}/modalias`]: 'pci:v00009005d0000028F\n',
    [`${port}/host0/0:0:0:0/modalias`]: 'scsi:t-0x00\n',
    [`${port}/host0/0:0:0:0/block/sda/size`]: '1',
    'devices/virtual/block/md0/size': '1',
    'devices/pci0000:00/0000:00:02.0/net/wlan0/phy80211/name': 'phy0',
    'module/smartpqi/initstate': 'live',
    'module/sd_mod/parameters/x': '',
    'bus/pci/drivers/smartpqi/bind': '',
    'bus/scsi/drivers/sd/bind': '',
    'bus/pci/drivers/iwlwifi/bind': '',
  });
  await links(sys.path, {
    [`${port}/driver`]: 'bus/pci/drivers/smartpqi',
    [`${port}/host0/0:0:0:0/driver`]: 'bus/scsi/drivers/sd',
    'devices/pci0000:00/0000:00:02.0/driver': 'bus/pci/drivers/iwlwifi',
    'bus/pci/drivers/smartpqi/module': 'module/smartpqi',
    'bus/scsi/drivers/sd/module': 'module/sd_mod',
    'class/block/sda': `${port}/host0/0:0:0:0/block/sda`,
    'class/block/md0': 'devices/virtual/block/md0',
    'class/net/wlan0': 'devices/pci0000:00/0000:00:02.0/net/wlan0',
  });
  expect(await drivenDevices(sys.path)).toEqual([
    { of: 'sda', driver: 'sd', alias: 'scsi:t-0x00', isItself: true },
    { of: 'sda', driver: 'smartpqi', alias: 'pci:v00009005d0000028F', module: 'smartpqi', isItself: false },
  ]);
});

test('a medium that would not see a disk or reach the network is refused, by names', async ({ signal }) => {
  await using layer = await temporaryDirectory();
  await files(layer.path, { 'usr/lib/modules/6.1/modules.builtin': 'kernel/drivers/virtio/virtio_pci.ko\n' });
  const medium = { version: '6.1', root: layer.path, names: new Set(['igb']) };
  const refusal = async (devices: readonly Driven[]) =>
    await refuseUndriven(devices, medium, toolsThatKnow('scsi:t-0x00'), signal).then(
      () => 'none',
      ({ message }) => String(message),
    );
  expect(
    await refusal([
      { of: 'sda', driver: 'sd', alias: 'scsi:t-0x00', isItself: true },
      { of: 'vda', driver: 'virtio-pci', alias: 'pci:v00001AF4', isItself: false },
      // Built into this host's kernel, in the middle.
      { of: 'sda', driver: 'pcieport', alias: 'pci:bc06', isItself: false },
      { of: 'eth0', driver: 'igb', module: 'igb', isItself: true },
    ]),
  ).toBe('none');
  expect(
    await refusal([
      { of: 'sda', driver: 'smartpqi', alias: 'pci:v00009005', module: 'smartpqi', isItself: false },
      { of: 'eth0', driver: 'r8169', alias: 'pci:v000010EC', isItself: true },
    ]),
  ).toBe('the kernel 6.1 has no driver for sda (smartpqi), eth0 (r8169)');
});
