/** The machine in which a host is recovered for trial: as like the recorded one as a virtual machine can be. Pure. */
import type { Facts } from '../facts/types.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { formatBytes } from '../kernel/units.ts';
import { withWholeDisks } from '../layout/rebuild/attached.ts';
import type { ComponentOf, Layout } from '../layout/types.ts';
import type { FirmwareKind } from '../machine/firmware.ts';
import { cardsOf } from '../network/rebuild/cards.ts';
import type { Network } from '../network/types.ts';
import type { Bus, Disk, NetworkCard } from '../qemu/spec.ts';

type RecordedDisk = ComponentOf<'disk'>;

/** A disk that is to be made. */
export interface DrillDisk extends Pick<Disk, 'serial' | 'bus' | 'wwn' | 'sectorSize'> {
  /** Id in the layout. */
  readonly of: string;
  readonly sizeBytes: number;
}

export interface DrillMachine {
  readonly disks: readonly DrillDisk[];
  readonly cards: readonly Pick<NetworkCard, 'mac' | 'model'>[];
  readonly firmware: FirmwareKind;
  readonly memoryMiB: number;
  readonly cpus: number;
  /** What is not as it was recorded. */
  readonly notes: readonly string[];
}

/** What the recovery itself, and the machine that is drilled in, can give. */
export interface Room {
  /** As somebody chose it. @default what was recorded, within {@link spareMiB} */
  readonly memoryMiB?: number;
  /** What this machine can spare. */
  readonly spareMiB: number;
  readonly cpus: number;
  /** Of this machine, which can only imitate its own kind. */
  readonly architecture: string;
}

export interface Captured {
  readonly layout: Layout;
  readonly network: Network;
  readonly facts: Facts;
}

/** Below this no rescue system starts. */
const leastMiB = 1024;
/** Ports of the emulated SATA controller. */
const sataPorts = 5;
/** Slots of the emulated machine for cards of the network, beside all else that is in it. */
const mostCards = 8;
const MiB = 1024 * 1024;

/** @throws LifeboatError `unsupported` for a machine of another architecture, or one without a disk */
export function drillMachine({ layout, network, facts }: Captured, room: Room): DrillMachine {
  const notes: string[] = [];
  const note = (text: string): void => void notes.push(text);
  if (facts.architecture !== room.architecture || room.architecture !== 'x86_64') {
    throw new LifeboatError(
      'unsupported',
      `a machine with ${facts.architecture} cannot be tried on one with ${room.architecture}: only x86_64 on x86_64 can`,
      { hint: 'lifeboat drill --files restores and proves the files without a machine.' },
    );
  }
  return {
    disks: disksOf(layout, note),
    cards: cardsLike(network, note),
    firmware: firmwareLike(layout, facts, note),
    memoryMiB: memoryLike(facts, room, note),
    cpus: Math.max(1, Math.min(facts.cpuCount, room.cpus)),
    notes,
  };
}

type Note = (text: string) => void;

function disksOf(layout: Layout, note: Note): DrillDisk[] {
  const all = withWholeDisks(layout).components.filter((one) => one.kind === 'disk');
  const kept = all.filter(({ removable, sizeBytes }) => !removable && sizeBytes > 0);
  if (kept.length === 0) {
    throw new LifeboatError('unsupported', 'no disk was recorded that a machine could be given', {
      hint: 'Was the host captured as root? "lifeboat layout show latest" shows what is on record.',
    });
  }
  const serials = new Set<string>();
  let sata = 0;
  return kept.map((disk, index) => {
    const serial = serialLike(disk, index, serials);
    serials.add(serial);
    const sectorSize = disk.logicalSector === 4096 ? 4096 : 512;
    const wanted = busLike(disk, note);
    const bus = wanted === 'sata' && (sectorSize === 4096 || sata >= sataPorts) ? 'scsi' : wanted;
    if (bus !== wanted) {
      const why = sectorSize === 4096 ? 'has sectors of 4096 bytes' : `is beyond its ${sataPorts} ports`;
      note(`${disk.device} is on a SCSI bus: it was on SATA, which ${why} here`);
    }
    if (bus === 'sata') sata += 1;
    const wwn = /^0x([0-9a-f]{16})$/i.exec(disk.wwn ?? '')?.[1]?.toLowerCase();
    const named = bus === 'scsi' || bus === 'sata' ? present({ wwn }) : {};
    return { of: disk.id, sizeBytes: wholeSectors(disk.sizeBytes), serial, bus, sectorSize, ...named };
  });
}

/** An image has whole sectors of the largest kind, and the disk none less than it had. */
const wholeSectors = (bytes: number): number => Math.ceil(bytes / 4096) * 4096;

/** Its own, as far as it can be one here; each disk another. */
function serialLike({ serial = '' }: RecordedDisk, index: number, taken: ReadonlySet<string>): string {
  const own = serial
    .trim()
    .replaceAll(/[^\w-]+/g, '_')
    .slice(0, 20);
  return own === '' || taken.has(own) ? `DRILL${index + 1}` : own;
}

function busLike({ transport, device }: RecordedDisk, note: Note): Bus {
  switch (transport) {
    case 'nvme':
    case 'sata':
    case 'virtio':
    case 'usb':
      return transport;
    case 'ata':
      return 'sata';
    case 'sas':
    case 'scsi':
    case 'fc':
    case 'spi':
      return 'scsi';
    case 'iscsi':
      note(`${device} is a disk of the machine itself: it came over the network, by iSCSI`);
      return 'scsi';
    case undefined:
      return byName(device, note);
    default:
      note(`${device} is a virtio disk: no machine here has a bus ${transport}`);
      return 'virtio';
  }
}

function byName(device: string, note: Note): Bus {
  if (device.startsWith('/dev/vd')) return 'virtio';
  if (device.startsWith('/dev/nvme')) return 'nvme';
  if (/^\/dev\/(sd|mapper\/|dm-)/.test(device)) return 'scsi';
  note(`${device} is a virtio disk: on what bus it was is not on record`);
  return 'virtio';
}

/** Each on a wire of its own, which leads nowhere. */
function cardsLike(network: Network, note: Note): DrillMachine['cards'] {
  const cards = cardsOf(network).filter(({ wireless, elsewhere }) => wireless !== true && elsewhere !== true);
  if (cards.length < cardsOf(network).length) note('wireless cards, and those of containers, are not there');
  if (cards.length > mostCards) note(`of ${cards.length} network cards there are ${mostCards}`);
  return cards.slice(0, mostCards).map(({ permanentMac, mac, driver }) => {
    const own = permanentMac ?? mac;
    const isUsable = own !== undefined && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(own) && !/^.[13579bdf]/i.test(own);
    return {
      model: driver === 'e1000e' || driver === 'e1000' ? ('e1000e' as const) : ('virtio' as const),
      ...(isUsable ? { mac: own.toLowerCase() } : {}),
    };
  });
}

function firmwareLike(layout: Layout, facts: Facts, note: Note): FirmwareKind {
  const boot = layout.components.find((one) => one.kind === 'boot');
  const firmware = boot === undefined || boot.firmware === 'unknown' ? facts.firmware : boot.firmware;
  if (boot?.firmwareBits === 32) note('its firmware was one of 32 bits, and is one of 64 here');
  if (firmware === 'uefi') return boot?.secureBoot?.state === 'enabled' ? 'secure' : 'uefi';
  if (firmware !== 'bios') note('by what firmware it starts is not on record: it is tried by BIOS');
  return 'bios';
}

function memoryLike(facts: Facts, { memoryMiB, spareMiB }: Room, note: Note): number {
  const recorded = Math.ceil((facts.memory?.installedBytes ?? facts.memoryBytes) / MiB);
  const given = Math.max(leastMiB, memoryMiB ?? Math.min(recorded, spareMiB));
  if (given < recorded)
    note(`it has ${formatBytes(given * MiB)} of memory: recorded are ${formatBytes(recorded * MiB)}`);
  return given;
}
