/**
 * The contract of a format: how what a medium consists of becomes something that a machine starts from. All are written from the same
 * directory, so that whatever starts it, the rescue system is the same.
 */
import type { Tools } from '../tools.ts';

export const formatNames = ['iso', 'usb', 'raw', 'pxe', 'grub'] as const;
export type FormatName = (typeof formatNames)[number];

/** One line of the menu in which a medium is chosen to be started. */
export interface MenuEntry {
  readonly title: string;
  /** Words of the kernel's command line. */
  readonly words: readonly string[];
}

export interface FormatSource {
  /** With `lifeboat/` in it: `medium.json`, `vmlinuz`, `initrd`, `base.squashfs`, `host.squashfs`, and an empty file named by the id. */
  readonly directory: string;
  /** Of the medium. */
  readonly id: string;
  /** The first one is started when nobody chooses. */
  readonly entries: readonly MenuEntry[];
}

export interface FormatOptions {
  /** What a stick or disk is started by under BIOS. @default 'grub' */
  readonly loader?: 'grub' | 'extlinux';
  /** Bytes beside the medium for recovery points, on what can have them. @default none */
  readonly room?: number;
  /** Address from which a machine that starts over the network gets the rescue system. */
  readonly address?: string;
}

export interface FormatPlace extends FormatOptions {
  readonly tools: Tools;
  /** A directory for what is needed on the way; what else is in it stays. */
  readonly work: string;
  /** Where it goes: nothing is there yet, and who called puts it in its place when it is whole. */
  readonly output: string;
}

export interface Format {
  readonly name: FormatName;
  readonly makes: 'file' | 'directory';
  /** Of a directory: whether it writes a file of this name, relative to it. What has others in it is not replaced. */
  readonly isOwn?: (name: string) => boolean;
  /** Whether anybody who reaches the server that it is on can read it: then it has no secret at all, not even a key of its ssh server. */
  readonly isPublic?: true;
  /**
   * May add to the source's directory what starts the medium.
   *
   * @throws LifeboatError `no-space`, `command-failed`
   */
  write(source: FormatSource, place: FormatPlace, signal: AbortSignal): Promise<void>;
}
