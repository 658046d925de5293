/** The contract of a kind of component: everything that lifeboat knows of it is in one file of `handlers/`. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import type { Risk } from '../kernel/change.ts';
import type { Probes } from './probes.ts';
import type { MountEntry } from './tools/findmnt.ts';
import type { BlockDevice } from './tools/lsblk.ts';

/** What every component has. */
export const common = {
  /** Identity: never a device name. */
  id: z.string().min(1),
  /** Ids of what it stands on. */
  on: z.array(z.string()),
  /** Never captured: a plan makes it as its tool does by itself, with what else is told here, instead of as it was. */
  renewed: z.literal(true).exactOptional(),
};

/** Kinds that are, or make, block devices: whatever lies on a device may stand on these. */
export const carriers = [
  'multipath',
  'disk',
  'partition',
  'md',
  'luks',
  'crypt',
  'integrity',
  'lv',
  'bcache',
  'drbd',
  'zfs',
  'loop',
  'zram',
];

/** An amount of bytes, blocks or the like. */
export const bytes = z.number().int().nonnegative();
export const text = z.string().exactOptional();

export interface ComponentBase {
  readonly kind: string;
  readonly id: string;
  readonly on: readonly string[];
  readonly renewed?: true;
}

/** What a backup of files holds of a component that no mount shows. */
export interface Verdict {
  readonly state: 'covered' | 'partly' | 'not-covered';
  readonly reason: string;
  /** Nothing that anybody would miss: memory, swap, an empty disk. */
  readonly harmless: boolean;
}

export const harmless = (reason: string): Verdict => ({ state: 'not-covered', reason, harmless: true });
export const missing = (reason: string): Verdict => ({ state: 'not-covered', reason, harmless: false });

/** How a component stands in its graph, for {@link LayoutHandler.coverage}. */
export interface Place {
  /** A mount shows it. */
  readonly mounted: boolean;
  /** Something stands on it. */
  readonly carrying: boolean;
}

/** What a gap about all components of a kind is named after. */
export const kindSubject = (kind: string): string => `kind ${kind}`;

export interface LayoutHandler<C extends ComponentBase> {
  readonly kind: C['kind'];
  /** Why nobody should rely on it yet, for `doctor`; absent of a kind that is tried on real devices. */
  readonly unverified?: string;
  /** Of the component, with `kind` as a literal. */
  readonly schema: z.ZodType<C>;
  /** Kinds that it may stand on, besides `unknown`; absent for any. For a document that was edited by hand. */
  readonly under?: readonly string[];
  /** Types, as blkid names them, of what lies on a device and is a component of this kind. Its id is `<kind>:<UUID>`. */
  readonly claims?: readonly string[];
  /** Devices with the same UUID hold parts of one component, as those of an array do. */
  readonly shared?: boolean;
  /**
   * What gaps about all of this kind are named after, besides those of `lsblk` and `blkid`: with one of them, what was not seen of this kind
   * has not gone. A gap about one device is named after that, and need not be told here. With `/` at its end it
   * is all files below a directory.
   */
  readonly askedBy?: readonly string[];
  /**
   * All devices again, after a closer look at those of this kind: for what blkid has no words for, such as which of two parts
   * of a cache a device is. What it writes into `fstype` can be claimed.
   */
  look?(devices: readonly BlockDevice[], asker: Asker): Promise<readonly BlockDevice[]>;
  /**
   * The id of the component that a device is which the kernel made of others, for those of this kind. It may be the id of what lies
   * on its parents: then what stands on the device stands on that.
   */
  deviceId?(device: BlockDevice, parents: readonly BlockDevice[]): string | undefined;
  /** The id of what a mount shows, for those of this kind that lie on no device of their own. */
  mountId?(mount: MountEntry, asker: Asker): string | undefined;
  /** Whether a device is a part of one of this kind, so that what can be seen on it is no content of its own. */
  inner?(device: BlockDevice, children: readonly BlockDevice[]): boolean;
  /** Whether what lies on a device of this kind is a copy: of two with the same UUID the other has the id of it. */
  copy?(device: BlockDevice, parents: readonly BlockDevice[]): boolean;

  /**
   * The components of this kind, out of what the tools said and of questions of its own. What cannot be seen becomes a
   * gap of `asker`, never an error. Parsers are pure functions in the same file.
   */
  capture(probes: Probes, asker: Asker): Promise<readonly C[]>;
  /** What there is on devices of which no component of any kind is made, asked after all others. */
  rest?(bare: readonly BlockDevice[], probes: Probes, asker: Asker): Promise<readonly C[]>;

  /** What holds its key, as its settings name it: a path, a spec of a device, or a word such as `none`. Nothing that lies there is captured. */
  keyOf?(component: C): string | undefined;

  /** One line for a person; may hold raw names, so print it through `printable`. */
  title(component: C): string;

  /** `undefined` for what is a carrier only, or is covered by its mounts. */
  coverage(component: C, place: Place): Verdict | undefined;

  /** What differs between two captures of the same state, and is not compared. */
  readonly volatile: readonly string[];
  /** Whether it is not compared at all: the kernel's own, which is no state of the host. */
  passing?(component: C): boolean;
  /** What a difference puts at risk; `attribute` is absent when the whole component came or went. */
  risk(difference: Difference<C>): Risk;
}

export type Difference<C> =
  | { readonly change: 'added'; readonly component: C }
  | { readonly change: 'removed'; readonly component: C }
  | { readonly change: 'changed'; readonly before: C; readonly component: C; readonly attribute: string };
