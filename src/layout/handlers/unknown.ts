/** Whatever no other handler knows, so that nothing on the host is left out: devices, members of something, and plain noise. */
import { z } from 'zod';
import type { Asker } from '../../host/asker.ts';
import { bounded } from '../../host/bounded.ts';
import { nameToBytes } from '../../kernel/text.ts';
import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import { bytes, common, harmless, type LayoutHandler, missing, text } from '../handler.ts';
import { contentGroup, deviceKind } from '../identity.ts';
import type { Probes } from '../probes.ts';
import type { BlockDevice } from '../tools/lsblk.ts';
import { parseWipefs, wipefsArgv } from '../tools/wipefs.ts';

const schema = z.object({
  kind: z.literal('unknown'),
  ...common,
  device: text,
  /** What the tools call it: `dm`, `nbd`, `VMFS_volume_member`, …; `data` for what they have no name for, `key` for what nobody may look at. */
  rawType: z.string(),
  uuid: text,
  label: text,
  sizeBytes: bytes,
  /** Of `data`: its first bytes, in hexadecimal digits. No more than a signature has: it may be a key that nobody told of. */
  begins: text,
  /** Of `data`: what each says that lies there, as `ext4 at 0x438`; of several nobody can tell which counts. */
  signatures: z.array(z.string()).exactOptional(),
});

type Unknown = z.infer<typeof schema>;

export const unknown: LayoutHandler<Unknown> = {
  kind: 'unknown',
  schema,
  async capture(probes) {
    const isMember = new Set(
      probes.devices.filter(({ fstype }) => contentGroup(fstype) === 'member').map(({ number }) => number),
    );
    const devices = probes.devices
      .filter((device) => deviceKind(device) === 'unknown' && !probes.isClaimed(device))
      .map(
        (device): Unknown => ({
          kind: 'unknown',
          id: probes.ids.get(device.number) ?? device.number,
          // On a member the device stands by way of it: partition → LVM2_member → volume.
          on: device.parents.map((number) => memberOn(device, number) ?? probes.ids.get(number) ?? number),
          device: device.path,
          rawType: device.type === 'disk' ? device.name.replace(/\d.*$/s, '') : device.type,
          sizeBytes: device.sizeBytes,
        }),
      );
    const contents = probes.devices
      .filter((device) => probes.contentKindOf(device) === 'unknown')
      .map(
        (device): Unknown => ({
          kind: 'unknown',
          id: probes.contentIds.get(device.number) ?? device.number,
          on: [probes.ids.get(device.number) ?? device.number],
          rawType: device.fstype ?? 'unknown',
          sizeBytes: device.sizeBytes,
          ...present({ uuid: device.uuid, label: device.label }),
        }),
      );
    return [...devices, ...contents];

    /**
     * Not where the device shows its parent unchanged: then the same member lies on both, and stands on the upper one. Of one that does not
     * answer nobody knows what lies on it but what runs on it.
     */
    function memberOn(device: BlockDevice, number: string): string | undefined {
      const id = isMember.has(number) ? probes.contentIds.get(number) : undefined;
      if (id === undefined || id === probes.contentIds.get(device.number)) return undefined;
      const runsOnIt = probes.devices.some(
        (one) => one.parents.includes(device.number) && probes.ids.get(one.number) === id,
      );
      return runsOnIt ? undefined : id;
    }
  },
  async rest(bare, probes, asker) {
    const within = bounded(asker);
    // Of what could not be opened before, that has been said.
    const shut = new Set(asker.gaps.map(({ subject }) => subject));
    const open = bare.filter((device) => mayHold(device) && !shut.has(device.path));
    const found = await Promise.all(open.map((device) => dataOn(device, probes, within)));
    return found.filter((one) => one !== undefined);
  },
  title: ({ rawType, device, sizeBytes, label, begins, signatures }) =>
    [
      rawType,
      device,
      formatBytes(sizeBytes),
      label === undefined ? undefined : `"${label}"`,
      signatures?.join(' and '),
      rawType === keyType
        ? 'by the settings of this host'
        : begins === undefined
          ? 'not yet handled'
          : `unknown, begins with ${begins}`,
    ]
      .filter((part) => part !== undefined)
      .join('  '),
  coverage({ rawType, sizeBytes, begins, signatures }, { carrying }) {
    if (sizeBytes === 0) return harmless('not in use: it has no size');
    if (rawType === 'ram') return harmless('in memory: gone at every restart');
    if (isJournal(rawType)) return harmless('the journal of a filesystem: it holds no files');
    if (rawType === keyType) return missing('the key of something lies there: nothing of it is read, or backed up');
    if (begins !== undefined)
      return missing(
        signatures === undefined
          ? 'something lies there, and nobody knows what: nothing of it is backed up'
          : `nobody can tell what lies there, ${signatures.join(' or ')}: nothing of it is backed up`,
      );
    return missing(
      carrying
        ? `${rawType} is not yet handled: recovery cannot make it anew; what stands on it is listed by itself`
        : `${rawType} is not yet handled`,
    );
  },
  // What writes there may write at its beginning.
  volatile: ['device', 'begins'],
  // An image that somebody has mounted, or memory; one that belongs to the host is in fstab.
  passing: ({ rawType }) => ['loop', 'ram'].includes(rawType),
  risk: ({ change }) => (change === 'added' ? 'data' : 'appearance'),
};

const keyType = 'key';
const isJournal = (type: string): boolean => type === 'jbd' || type === 'xfs_external_log';

/** Partitions that hold no content of their own: extended ones, and those for the code of boot loaders. */
const withoutContent = /^(0x0*(5|f|85)|21686148-6449-6e6f-744e-656564454649|9e1a2d38-c612-4316-aa26-8b49521e5a8b)$/i;

function mayHold({ name, sizeBytes, type, partType, table, fstype }: BlockDevice): boolean {
  // Nobody knows whether there is a medium in a floppy drive before it has been waited for.
  if (sizeBytes === 0 || type === 'rom' || /^(fd|ram)\d/.test(name) || withoutContent.test(partType ?? ''))
    return false;
  return fstype === undefined && (table === undefined || type === 'part');
}

/** As much as a disk reads at once, and what is told of it. */
const headBytes = 4096;
const toldBytes = 4;

/** Something that no tool has a name for, unless it begins with nothing but zeros, as what was never written to does. */
async function dataOn(device: BlockDevice, probes: Probes, asker: Asker): Promise<Unknown | undefined> {
  const { path, sizeBytes } = device;
  const on = probes.ids.get(device.number) ?? device.number;
  if (device.holdsKey === true)
    return { kind: 'unknown', id: `unknown:key:on:${on}`, on: [on], rawType: keyType, sizeBytes };
  const head = await asker.ask({
    argv: ['dd', `if=${path}`, `bs=${headBytes}`, 'count=1', 'status=none'],
    parse: (stdout) => nameToBytes(stdout),
    subject: path,
  });
  if (head === undefined || head.every((byte) => byte === 0)) return undefined;
  const signatures = await asker.ask({ argv: wipefsArgv(path), parse: parseWipefs, subject: path });
  return {
    kind: 'unknown',
    id: `unknown:data:on:${on}`,
    on: [on],
    rawType: 'data',
    sizeBytes,
    begins: head.subarray(0, toldBytes).toString('hex'),
    ...present({ signatures: signatures === undefined || signatures.length === 0 ? undefined : signatures }),
  };
}
