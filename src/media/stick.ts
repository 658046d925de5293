/** The stick that a medium is to be written to: which one a person means, what would be lost on it, and what stays. */
import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import type { Host } from '../host/host.ts';
import { hasErrno, LifeboatError } from '../kernel/errors.ts';
import { isBlank } from '../layout/rebuild/blank.ts';
import { disksNow } from '../layout/rebuild/disks-now.ts';
import { namedIn } from '../layout/rebuild/named.ts';
import { disksOf, siteOf } from '../layout/rebuild/site.ts';
import { type Component, type ComponentOf, handlerOf, type Layout } from '../layout/types.ts';
import { type DiskShape, partNames, stickShape } from './formats/disk.ts';

type Disk = ComponentOf<'disk'>;

export interface Stick {
  readonly disk: Disk;
  /** Where it is now. */
  readonly path: string;
  readonly shape: DiskShape;
  /** Whether it is one of ours: then only the medium on it is exchanged, and the recovery points stay. */
  readonly isOurs: boolean;
  /** What nobody may destroy without consent, by name, each with what a person must know of it. */
  readonly losses: readonly { readonly name: string; readonly state: string }[];
}

/**
 * @param found a capture of this host
 * @param name id, serial number, WWN or a link in `/dev/disk/by-id`, never a name that changes from start to start
 * @throws LifeboatError `usage` for what names no disk, `refused` for one that is used, `unsupported`
 */
export async function stickNamed(found: Layout, name: string, host: Host, signal: AbortSignal): Promise<Stick> {
  const disk = await diskNamed(found, name);
  const now = (await disksNow(host, [disk], signal)).get(disk.id);
  if (now === undefined) throw new LifeboatError('not-found', `the disk ${disk.id} is not plugged in any more`);
  const [use] = now.uses;
  if (use !== undefined) throw refused(disk, use === '[SWAP]' ? 'the system swaps to it' : `it is mounted at ${use}`);
  if (now.readOnly) throw refused(disk, 'it is read-only');
  await refuseHeld(disk, now.path);
  if ((disk.logicalSector ?? 512) !== 512) {
    throw new LifeboatError('unsupported', `${disk.id} has sectors of ${disk.logicalSector} bytes`, {
      hint: 'Take a stick with sectors of 512 bytes: firmware of the kind BIOS starts no other.',
    });
  }
  const above = standingOn(disk, found);
  const ours = oursIn(above, now.sizeBytes);
  const isUnknown = above.length === 0 && !(await isBlank(host, now.path, now.sizeBytes, signal));
  const losses = [
    ...(disk.removable || disk.transport === 'usb' ? [] : [{ name: disk.id, state: 'built in, no stick' }]),
    ...(isUnknown ? [{ name: disk.id, state: 'something of no kind that is known' }] : []),
    ...(ours === undefined ? above : []).map((one) => ({ name: one.id, state: handlerOf(one).title(one) })),
  ];
  return { disk, path: now.path, shape: ours ?? stickShape(now.sizeBytes), isOurs: ours !== undefined, losses };
}

async function diskNamed(found: Layout, name: string): Promise<Disk> {
  if (name.startsWith('/dev/') && !name.startsWith('/dev/disk/by-id/')) {
    throw new LifeboatError('usage', `${name} may be another disk after the next start`, {
      hint: 'Name it by its id or serial number, as "lifeboat layout show host" does.',
    });
  }
  if (name.startsWith('/dev/')) {
    const device = await realpath(name).catch(() => name);
    const linked = disksOf(found).find((disk) => disk.device === device);
    if (linked === undefined) throw new LifeboatError('usage', `there is no disk ${name} here`);
    return linked;
  }
  const named = namedIn(found, name, 'this host');
  if (named.kind === 'disk') return named;
  throw new LifeboatError('usage', `${name} is no disk: ${handlerOf(named).title(named)}`, {
    hint: 'Name the whole stick by its id or serial number, as "lifeboat layout show host" does.',
  });
}

const refused = (disk: Disk, why: string): LifeboatError =>
  new LifeboatError('refused', `the disk ${disk.device} (${disk.id}) cannot be taken: ${why}`, {
    hint: 'End that, or name another one.',
  });

/** What the kernel itself has put to use is in no list of mounts: members of arrays, of volume groups, of caches. */
async function refuseHeld(disk: Disk, path: string): Promise<void> {
  try {
    await (await open(path, constants.O_RDONLY | constants.O_EXCL)).close();
  } catch (error) {
    if (hasErrno(error, 'EBUSY')) throw refused(disk, 'something is made of it, or of a partition on it');
    throw error;
  }
}

/** All that is on a disk, through everything in between. */
function standingOn(disk: Disk, { components }: Layout): readonly Component[] {
  const site = siteOf(components);
  return components.filter(
    ({ id, kind }) => id !== disk.id && kind !== 'boot' && site.disksUnder(id).includes(disk.id),
  );
}

/** Where the parts are on a disk that has just those that we make. */
function oursIn(above: readonly Component[], bytes: number): DiskShape | undefined {
  const partitions = above.filter((one) => one.kind === 'partition');
  const extentOf = (name: string) => {
    const one = partitions.find((partition) => partition.name === name);
    return one?.startBytes === undefined ? undefined : { start: one.startBytes, bytes: one.sizeBytes };
  };
  const [bios, medium, data] = [partNames.bios, partNames.medium, partNames.data].map(extentOf);
  if (bios === undefined || medium === undefined) return undefined;
  if (partitions.length !== (data === undefined ? 2 : 3)) return undefined;
  return { bytes, bios, medium, ...(data === undefined ? {} : { data }) };
}
