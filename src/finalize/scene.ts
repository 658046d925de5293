/** What finishing a restored system starts from, and what it consists of. */
import type { Facts } from '../facts/types.ts';
import type { Argv } from '../host/host.ts';
import type { Layout } from '../layout/types.ts';
import type { Network } from '../network/types.ts';

export interface Scene {
  /** Where the restored system is mounted, with its `/dev`, `/proc`, `/sys` and `/run`. */
  readonly root: string;
  /** Of the point. */
  readonly captured: { readonly layout: Layout; readonly network: Network; readonly facts: Facts };
  /** As its plan has it, where that makes the machine otherwise than it was. @default as captured */
  readonly planned?: Layout;
  /** As it is now: captured after the disks were built anew, all mounted. */
  readonly layout: Layout;
  /** As it is now in the rescue system: the cards that are here. */
  readonly network: Network;
  /** Ids of the disks that may be written to: boot code goes to no other. @default all of the machine */
  readonly disks?: readonly string[];
  /** Ids of disks of the point whose places others have taken. @default all of them */
  readonly lost?: readonly string[];
  /** By what this machine was started. */
  readonly firmware: 'bios' | 'uefi';
  /** The host of the point goes on: this one is another, with an identity of its own. */
  readonly clone: boolean;
}

/** One thing to do. It may be done twice. */
export interface Deed {
  /** Unique: `fstab`, `grub-bios disk:S1ABC`. */
  readonly id: string;
  /** To a person: `write the device of /srv in fstab`. */
  readonly title: string;
  /** What about this machine demands it. */
  readonly why: string;
  /** The machine does not start by itself without it: that it fails is an error, and otherwise a finding. */
  readonly needed: boolean;
  /** Written before the commands run. */
  readonly files: readonly NewFile[];
  readonly commands: readonly FinishCommand[];
  /** Paths in the restored system that are another than in the point from here on; a directory stands for all below it. */
  readonly changes: readonly string[];
  /** EFI programs that it puts there, by their paths in the restored system. */
  readonly loaders?: readonly string[];
  /** What is tried in its place where it fails. */
  readonly otherwise?: Deed;
}

export interface NewFile {
  /** In the restored system. */
  readonly path: string;
  /** As `nameFromBytes` has it; absent for one that goes. */
  readonly content?: string;
  /** A file whose owner, mode and all else it has. @default itself, where it is there; else root's, 0644 */
  readonly like?: string;
}

export interface FinishCommand {
  readonly argv: Argv;
  /** `chroot`: a program of the restored system, in it. `rescue`: one of the rescue system, for what lies outside of files. */
  readonly where: 'chroot' | 'rescue';
  /** As `nameFromBytes` has it. */
  readonly stdin?: string;
  readonly okCodes?: readonly number[];
  /** @default ten minutes */
  readonly timeoutMs?: number;
}

/** What was not done, or not as it should be, and does not keep the machine from starting. */
export interface Finding {
  readonly subject: string;
  readonly problem: string;
}

export interface Finished {
  /** Titles of what was done. */
  readonly done: readonly string[];
  readonly findings: readonly Finding[];
  /** As in {@link Deed}, of all deeds of this and of earlier attempts. */
  readonly changed: readonly string[];
}
