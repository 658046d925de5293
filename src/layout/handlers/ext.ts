/** ext2, ext3 and ext4, from their superblock as dumpe2fs(8) prints it. */
import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import { type FilesystemComponent, filesystemKind, type Inspected } from '../filesystem.ts';
import type { LayoutHandler } from '../handler.ts';
import type { Probes } from '../probes.ts';

const count = z.number().nonnegative();

const geometry = z.object({
  /** As mke2fs(8) names them, sorted; without those that only tell its state. */
  features: z.array(z.string()),
  blockSize: count,
  blockCount: count,
  inodeSize: count,
  inodeCount: count,
  /** Kept back for root, in blocks; for whom when not for uid 0 and gid 0. */
  reservedBlocks: count,
  reservedUid: count.exactOptional(),
  reservedGid: count.exactOptional(),
  blocksPerGroup: count,
  /** Room kept for growing the filesystem while it is mounted. */
  reservedGdtBlocks: count.exactOptional(),
  flexGroupSize: count.exactOptional(),
  clusterSize: count.exactOptional(),
  /** Of a RAID below it, in blocks. */
  stride: count.exactOptional(),
  stripeWidth: count.exactOptional(),
  defaultMountOptions: z.array(z.string()),
  extraMountOptions: z.string().exactOptional(),
  /** What happens on errors: `Continue`, `Remount read-only`, `Panic`. */
  onErrors: z.string(),
  /** Checked after so many mounts; absent for never. */
  maxMounts: count.exactOptional(),
  /** Checked after so many seconds; absent for never. */
  checkIntervalSeconds: count.exactOptional(),
  directoryHash: z.string().exactOptional(),
  encoding: z.string().exactOptional(),
  checksum: z.string().exactOptional(),
  /** Flags as `signed_directory_hash`, and those of testing. */
  flags: z.string().exactOptional(),
  /** `group`, `project`, `user`: for whom used space is counted. */
  quotas: z.array(z.string()).exactOptional(),
  journal: z
    .object({
      sizeBytes: count.exactOptional(),
      /** UUID of a journal on a device of its own. */
      externalUuid: z.string().exactOptional(),
    })
    .exactOptional(),
});

type Geometry = z.infer<typeof geometry>;
type Ext = FilesystemComponent<'ext', Geometry>;

/** Set while it is mounted. */
const states = new Set(['needs_recovery', 'orphan_present']);

const onOneDevice = filesystemKind({
  kind: 'ext',
  claims: ['ext2', 'ext3', 'ext4', 'ext4dev'],
  geometry,
  inspect: async ({ devices: [device] }, asker) =>
    device === undefined
      ? undefined
      : await asker.ask({ argv: ['dumpe2fs', '-h', device.path], parse: parseDumpe2fs, subject: device.path }),
});

export const ext: LayoutHandler<Ext> = {
  ...onOneDevice,
  async capture(probes, asker) {
    return (await onOneDevice.capture(probes, asker)).map((found) => withJournal(found, probes));
  },
};

/** It stands on the device of its journal, too, without which nobody can mount it. */
function withJournal(found: Ext, probes: Probes): Ext {
  const uuid = found.geometry?.journal?.externalUuid;
  const journal = probes.devices.find((device) => device.fstype === 'jbd' && device.uuid === uuid);
  return journal === undefined || uuid === undefined
    ? found
    : { ...found, on: [...found.on, probes.ids.get(journal.number) ?? journal.number] };
}

/** `dumpe2fs -h`: `Name:   value` lines. Those that a version does not print are absent. */
export function parseDumpe2fs(stdout: string): Inspected<Geometry> {
  const fields = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const [, name, value] = /^([A-Za-z][^:]*):\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined && !fields.has(name)) fields.set(name, value.trim());
  }
  const needed = (name: string): number => {
    const value = numberOf(name);
    if (value === undefined) throw new Error(`no ${JSON.stringify(name)} in it`);
    return value;
  };
  const blockSize = needed('Block size');
  const blockCount = needed('Block count');
  // As statfs(2) counts: without what the filesystem takes for itself, where the tool tells that.
  const overhead = (numberOf('Overhead clusters') ?? 0) * ((numberOf('Cluster size') ?? blockSize) / blockSize);
  const used = blockCount - overhead - needed('Free blocks');
  const features = listOf('Filesystem features').filter((name) => !states.has(name));
  const quotas = ['group', 'project', 'user'].filter((who) =>
    fields.has(`${who[0]?.toUpperCase()}${who.slice(1)} quota inode`),
  );
  const external = textOf('Journal UUID');
  const journalSize = kibOf(fields.get('Journal size') ?? fields.get('Total journal size'));
  return {
    sizeBytes: blockSize * blockCount,
    usedBytes: blockSize * Math.max(0, used),
    geometry: {
      features,
      blockSize,
      blockCount,
      inodeSize: numberOf('Inode size') ?? 128,
      inodeCount: needed('Inode count'),
      reservedBlocks: needed('Reserved block count'),
      blocksPerGroup: needed('Blocks per group'),
      defaultMountOptions: listOf('Default mount options'),
      onErrors: textOf('Errors behavior') ?? 'Continue',
      ...present({
        reservedUid: idOf('Reserved blocks uid'),
        reservedGid: idOf('Reserved blocks gid'),
        reservedGdtBlocks: numberOf('Reserved GDT blocks'),
        flexGroupSize: numberOf('Flex block group size'),
        clusterSize: numberOf('Cluster size'),
        stride: numberOf('RAID stride'),
        stripeWidth: numberOf('RAID stripe width'),
        extraMountOptions: textOf('Mount options'),
        maxMounts: positive('Maximum mount count'),
        checkIntervalSeconds: positive('Check interval'),
        directoryHash: textOf('Default directory hash'),
        encoding: textOf('Character encoding'),
        checksum: textOf('Checksum type'),
        flags: textOf('Filesystem flags') ?? textOf('Test filesystem flags'),
        quotas: quotas.length === 0 ? undefined : quotas,
        journal:
          journalSize === undefined && external === undefined
            ? undefined
            : present({ sizeBytes: journalSize, externalUuid: external }),
      }),
    },
  };

  function textOf(name: string): string | undefined {
    const value = fields.get(name);
    return value === undefined || value === '' || value === '(none)' || value === '<none>' ? undefined : value;
  }
  function listOf(name: string): string[] {
    return (textOf(name)?.split(/\s+/) ?? []).sort();
  }
  function numberOf(name: string): number | undefined {
    const [digits] = /^-?\d+/.exec(fields.get(name) ?? '') ?? [];
    return digits === undefined ? undefined : Number(digits);
  }
  /** 0 and -1 stand for never. */
  function positive(name: string): number | undefined {
    const value = numberOf(name);
    return value === undefined || value <= 0 ? undefined : value;
  }
  /** Root is not worth a word. */
  function idOf(name: string): number | undefined {
    const value = numberOf(name);
    return value === 0 ? undefined : value;
  }
}

/** `16M`, `4096k`. */
function kibOf(value: string | undefined): number | undefined {
  const [, digits, unit = ''] = /^(\d+)([kMGT]?)$/.exec(value ?? '') ?? [];
  const shift = { '': 0, k: 1, M: 2, G: 3, T: 4 }[unit];
  return digits === undefined || shift === undefined ? undefined : Number(digits) * 1024 ** shift;
}
