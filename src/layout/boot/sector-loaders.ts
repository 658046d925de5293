/** Loaders in boot sectors: of disks, and of the partitions that code in a disk's boot sector may go on to. */
import type { Asker } from '../../host/asker.ts';
import { present } from '../../kernel/present.ts';
import { nameToBytes } from '../../kernel/text.ts';
import { deviceKind } from '../identity.ts';
import type { Probes } from '../probes.ts';
import type { BlockDevice } from '../tools/lsblk.ts';
import { bootCode, coreSectors, headArgv, savedCode, sectorArgv } from './boot-sector.ts';
import type { Found } from './found.ts';
import { grubOf } from './grub.ts';
import type { Loader } from './loader-schema.ts';

export async function sectorLoaders(probes: Probes, found: Found, asker: Asker): Promise<Loader[]> {
  // What could not be opened before cannot be now, and that has been said.
  const closed = new Set(asker.gaps.map(({ subject }) => subject));
  const devices = [...bootDisks(probes), ...bootPartitions(probes, found)].filter(({ path }) => !closed.has(path));
  const loaders = await Promise.all(devices.map((device) => sectorLoader(device, probes, found, asker)));
  return loaders.flatMap((loader) => loader ?? []);
}

/** Of several paths to one disk, and of a RAID that the firmware makes, only the whole. */
function bootDisks(probes: Probes): BlockDevice[] {
  return probes.devices.filter(
    (device) =>
      device.sizeBytes > 0 &&
      !['part', 'rom', 'loop', 'lvm', 'crypt'].includes(device.type) &&
      (deviceKind(device) === 'disk' || device.table !== undefined) &&
      device.inner !== true &&
      device.sameAs === undefined &&
      !/^(isw_raid|ddf_raid)_member$/.test(device.fstype ?? ''),
  );
}

/** The active ones, PReP partitions, and what holds `/boot`. */
function bootPartitions(probes: Probes, { places }: Found): BlockDevice[] {
  const byNumber = new Map(probes.devices.map((device) => [device.number, device]));
  const prep = new Set(places.partitions.filter(({ role }) => role === 'prep').map(({ device }) => device.number));
  const esp = new Set(places.partitions.filter(({ role }) => role === 'esp').map(({ device }) => device.number));
  const mounted = new Set(
    places.roots.map(({ mount }) => (mount === undefined ? undefined : probes.deviceOfMount(mount)?.number)),
  );
  return probes.devices.filter((device) => {
    const { type, number, partFlags } = device;
    const disk = byNumber.get(device.parents[0] ?? '');
    if (type !== 'part' || esp.has(number) || disk?.type === 'loop') return false;
    const flags = Number(partFlags ?? 0);
    const isGpt = (disk?.table ?? device.table) === 'gpt';
    return prep.has(number) || mounted.has(number) || (isGpt ? flags % 8 >= 4 : flags === 0x80);
  });
}

async function sectorLoader(
  device: BlockDevice,
  probes: Probes,
  found: Found,
  asker: Asker,
): Promise<Loader | undefined> {
  const subject = `boot sector of ${device.path}`;
  const seen = await asker.ask({
    argv: headArgv(device.path, found.firmware !== 'uefi' && found.firmware !== 'bios'),
    subject,
    parse: (stdout) => {
      const head = nameToBytes(stdout);
      return { code: bootCode(head), saved: savedCode(head) };
    },
  });
  if (seen?.code === undefined) return undefined;
  const { code } = seen;
  const id = probes.ids.get(device.number) ?? device.number;
  const base: Loader = {
    kind: 'loader',
    id: `loader:${code.type}:${id}`,
    on: [id],
    type: code.type,
    device: device.path,
    config: [],
    binaries: [],
    entries: [],
  };
  // In that of a partition stand the numbers of its filesystem too.
  if (code.type !== 'grub-pc') return device.type === 'part' ? base : { ...base, code: seen.saved };
  const core = await askCore(device, code.coreSector, asker);
  const partition = partitionAt(device, code.coreSector, probes);
  return {
    ...base,
    on: partition === undefined || partition === id ? [id] : [id, partition],
    ...grubOf(found, 'i386-pc'),
    core: { sector: code.coreSector, ...present({ sectors: core, partition }) },
  };
}

async function askCore(device: BlockDevice, sector: number, asker: Asker): Promise<number | undefined> {
  // A pointer beyond the end is no pointer.
  if (sector === 0 || sector * 512 >= device.sizeBytes) return undefined;
  const found = await asker.ask({
    argv: sectorArgv(device.path, sector),
    subject: `core image of GRUB on ${device.path}`,
    parse: (stdout) => ({ sectors: coreSectors(nameToBytes(stdout)) }),
  });
  if (found !== undefined && found.sectors === undefined) {
    asker.gap({
      subject: `core image of GRUB on ${device.path}`,
      problem: `there is none at sector ${sector}, where its boot sector looks for it: it may not start`,
    });
  }
  return found?.sectors;
}

function partitionAt(disk: BlockDevice, sector: number, probes: Probes): string | undefined {
  const at = sector * 512;
  const holder = probes.devices.find(
    ({ type, parents, startBytes, sizeBytes }) =>
      type === 'part' &&
      parents.includes(disk.number) &&
      startBytes !== undefined &&
      startBytes <= at &&
      at < startBytes + sizeBytes,
  );
  return holder === undefined ? undefined : probes.ids.get(holder.number);
}
