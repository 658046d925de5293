/**
 * A machine to carry plans out on that has no disks: devices with sizes, what is on each and who holds it. Its tools (`model-tools.ts`)
 * refuse what the real ones would: a device that is not there, is held, or is too small. Which bytes of which disk were written is on record.
 */
import { expect } from 'vitest';
import type { ComponentOf } from '../../src/layout/types.ts';

/** Bytes of a disk, from `start` to before `end`. */
export interface Extent {
  readonly disk: string;
  readonly start: number;
  readonly end: number;
}

export type Content =
  | { readonly type: 'table'; readonly label: string; readonly numbers: readonly number[] }
  | { readonly type: 'md'; readonly array: string }
  | { readonly type: 'luks'; readonly offset: number }
  | { readonly type: 'pv'; readonly start: number; group?: string }
  | { readonly type: 'filesystem'; readonly kind: string; readonly bytes: number };

export interface Device {
  readonly path: string;
  readonly bytes: number;
  readonly sector: number;
  /** What of the disks it is. */
  readonly extents: readonly Extent[];
  content?: Content;
  /** Paths of what is made of it and runs. */
  readonly holders: Set<string>;
}

export type Range = readonly [from: number, end: number];

export interface Group {
  readonly extentBytes: number;
  readonly pvs: readonly string[];
  /** Taken extents of each physical volume, from and to before. */
  readonly used: Map<string, Range[]>;
  readonly volumes: Map<string, Volume>;
}

export interface Volume {
  readonly type: string;
  readonly bytes: number;
  readonly pool?: string;
  /** Extents that it takes of physical volumes. */
  readonly takes: readonly { readonly pv: string; readonly range: Range }[];
}

/** A tool that says no: its exit status. */
export class Refusal extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export class Machine {
  readonly devices = new Map<string, Device>();
  readonly groups = new Map<string, Group>();
  readonly written: Extent[] = [];
  /** What is in devices that are not there: it is seen again when one of the same bytes is made. */
  readonly #asleep = new Map<string, Content>();

  addDisk({ id, device, sizeBytes, logicalSector = 512 }: ComponentOf<'disk'>): void {
    const extents = [{ disk: id, start: 0, end: sizeBytes }];
    this.add({ path: device, bytes: sizeBytes, sector: logicalSector, extents });
  }

  add(device: Omit<Device, 'holders'>): Device {
    if (this.devices.has(device.path)) throw new Refusal(1, `${device.path} is there already`);
    const made: Device = { ...device, holders: new Set() };
    this.devices.set(device.path, made);
    return made;
  }

  /** @throws Refusal where there is none */
  get(path: string): Device {
    const device = this.devices.get(path);
    if (device === undefined) throw new Refusal(1, `${path}: no such device`);
    return device;
  }

  /** One that nobody holds. */
  free(path: string): Device {
    const device = this.get(path);
    if (device.holders.size > 0) throw new Refusal(1, `${path} is held by ${[...device.holders].join(', ')}`);
    return device;
  }

  /** Of a device that is there: bytes of it are written. */
  write(path: string, start = 0, end = this.get(path).bytes): void {
    const { bytes, extents } = this.get(path);
    expect(start, `${path} is written to from there`).toBeGreaterThanOrEqual(0);
    expect(end, `${path} is written to up to there`).toBeLessThanOrEqual(bytes);
    const [only, ...others] = extents;
    if (only === undefined || others.length > 0) this.written.push(...extents);
    else this.written.push({ disk: only.disk, start: only.start + start, end: Math.min(only.end, only.start + end) });
  }

  /** Made of others, which it holds. */
  stack(path: string, bytes: number, on: readonly string[]): Device {
    const below = on.map((one) => this.get(one));
    const extents = below.flatMap((one) => one.extents);
    const sleeper = this.#asleep.get(placeOf(bytes, extents));
    const device = this.add({
      path,
      bytes,
      sector: Math.max(...below.map(({ sector }) => sector)),
      extents,
      ...(sleeper === undefined ? {} : { content: sleeper }),
    });
    for (const one of below) one.holders.add(path);
    return device;
  }

  /** It is gone, and holds nothing any more. */
  remove(path: string): void {
    const { bytes, extents, content } = this.free(path);
    const place = placeOf(bytes, extents);
    if (content === undefined) this.#asleep.delete(place);
    else this.#asleep.set(place, content);
    this.devices.delete(path);
    this.forget(path);
    for (const device of this.devices.values()) device.holders.delete(path);
  }

  /** From there to its end nothing is found any more of what was in it, also when that is made into a device again. */
  blank(path: string, from: number): void {
    const { bytes, extents } = this.free(path);
    this.write(path, from);
    this.#asleep.delete(placeOf(bytes - from, extents));
  }

  /** A physical volume is wiped: when all of a group are, it is gone. */
  forget(path: string): void {
    for (const [name, { pvs }] of this.groups) {
      const isThere = (pv: string): boolean => pv !== path && this.devices.get(pv)?.content?.type === 'pv';
      if (pvs.includes(path) && !pvs.some(isThere)) this.groups.delete(name);
    }
  }

  group(name: string): Group {
    const group = this.groups.get(name);
    if (group === undefined) throw new Refusal(5, `no volume group ${name}`);
    return group;
  }
}

/** Where a device has its bytes, as far as it is known again by that. */
const placeOf = (bytes: number, extents: readonly Extent[]): string => JSON.stringify([bytes, extents]);
