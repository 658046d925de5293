/** A machine of loop devices: built, used, and taken apart again. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { installLoader } from './boot.ts';
import { ask, command, run } from './commands.ts';
import { attachDisks, type Disk, disks, imageFile } from './disks.ts';
import { makeFilesystems } from './filesystems.ts';
import { connect } from './links.ts';
import { forgetBtrfs, maskDisks, mountKernel, mountOthers, mountRoot, swapOff, swapOn } from './mounts.ts';
import { fillUdev } from './udev.ts';

/** Where the machine's root is, in the namespace that it was built in. */
export const machineRoot = '/mnt';

/** In which {@link onMachine} must run: mounts, processes, links and host name of its own. */
export const namespaces = command(
  'unshare --mount --propagation private --pid --fork --kill-child --mount-proc --net --uts',
);

export interface MachineOptions {
  /** A directory of the release's own, for images; not of the machine's. */
  readonly images: string;
  /** The release's tree. */
  readonly tree: string;
  readonly hostname: string;
  /** Disks of this machine that lsblk may show, by name. None of them can be opened. */
  readonly shown: readonly string[];
}

/** Builds the machine, does `work`, and undoes what does not end with the namespaces. */
export async function onMachine<T>(
  { images, tree, hostname, shown }: MachineOptions,
  work: (root: string) => Promise<T>,
): Promise<T> {
  run(['hostname', hostname]);
  mountKernel(tree);
  attachDisks(tree, images);
  makeFilesystems(tree);
  mountRoot(tree, machineRoot, hostname);
  connect(machineRoot);
  try {
    mountOthers(machineRoot);
    installLoader(machineRoot);
    await fillUdev(machineRoot);
    maskDisks(machineRoot, shown);
    swapOn(machineRoot);
    return await work(machineRoot);
  } finally {
    swapOff(machineRoot);
    forgetBtrfs(machineRoot);
  }
}

/**
 * Detaches what a machine left when its namespaces ended. Loop devices that belong to somebody else are left alone.
 *
 * @throws Error when swap of the machine is still in use
 */
export function detach(images: string): void {
  for (const disk of Object.values<Disk>(disks)) {
    const backing = `/sys/block/loop${disk.loop}/loop/backing_file`;
    if (!existsSync(backing) || !readFileSync(backing, 'utf8').startsWith(imageFile(images, disk))) continue;
    ask(['swapoff', `/dev/loop${disk.loop}p6`]);
    ask(['partx', '--delete', `/dev/loop${disk.loop}`]);
    run(['losetup', '--detach', `/dev/loop${disk.loop}`]);
  }
  rmSync(images, { recursive: true, force: true });
}

/** @throws Error when somebody else uses one of the numbers of our loop devices */
export function claim(images: string): void {
  detach(images);
  const taken = Object.values<Disk>(disks).find(({ loop }) => existsSync(`/sys/block/loop${loop}/loop/backing_file`));
  if (taken !== undefined) throw new Error(`/dev/loop${taken.loop} is in use, and not by a recording`);
}
