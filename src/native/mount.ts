/**
 * Mounting and unmounting in the mount namespace of this process, by the system calls: nothing is looked up in
 * /etc/fstab, and no helper such as mount.nfs is run. Needs root.
 */
import { addon } from './addon.ts';
import { integerArgument, optionalTextArgument, textArgument } from './arguments.ts';
import { checked } from './outcome.ts';

/** Flags of {@link mount}. */
export const MS = {
  RDONLY: 0x1,
  NOSUID: 0x2,
  NODEV: 0x4,
  NOEXEC: 0x8,
  REMOUNT: 0x20,
  NOATIME: 0x400,
  BIND: 0x1000,
  MOVE: 0x2000,
  REC: 0x4000,
  PRIVATE: 0x40000,
  SLAVE: 0x80000,
  SHARED: 0x100000,
} as const;

/** Flags of {@link unmount}. */
export const MNT = {
  FORCE: 0x1,
  /** Take it out of the tree now, let go of it when nobody uses it any more. */
  DETACH: 0x2,
  /** Do not follow `target` if it is a symlink. */
  NOFOLLOW: 0x8,
} as const;

/**
 * @param source a device, a directory to bind, or a word for filesystems without one
 * @param fstype `undefined` where flags say what to do (BIND, MOVE, REMOUNT, PRIVATE …)
 * @param data options of the filesystem, separated by commas
 */
export function mount(
  source: string | undefined,
  target: string,
  fstype: string | undefined,
  flags: number,
  data: string | undefined,
): void {
  const sourceText = optionalTextArgument('mount', 'source', source);
  const targetText = textArgument('mount', 'target', target);
  const fstypeText = optionalTextArgument('mount', 'fstype', fstype);
  const dataText = optionalTextArgument('mount', 'data', data);
  integerArgument('mount', 'flags', flags, 0, 0xffffffff);
  checked(addon().mount(sourceText, targetText, fstypeText, flags, dataText), 'mount', target);
}

/** @throws SystemError `EBUSY` while somebody uses it, `EINVAL` if nothing is mounted there */
export function unmount(target: string, flags: number): void {
  const text = textArgument('unmount', 'target', target);
  integerArgument('unmount', 'flags', flags, 0, 0xf);
  checked(addon().umount2(text, flags), 'umount2', target);
}
