/**
 * `/run` as programs of the system on the disks see it while they run in it here: their own, with what the tools for devices have there. That of
 * the rescue system holds keys and secrets, and what a program finds there it may well copy into an initial filesystem.
 */
import type { Host } from '../host/host.ts';

/** What is known of devices, and locks that are held of them, has its places in `/run`. */
const mounting = `
mountpoint -q "$1" || mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs "$1"
for name in udev lvm mdadm cryptsetup lock; do
  mkdir -p "$1/$name"
  [ ! -d "/run/$name" ] || mountpoint -q "$1/$name" || mount --bind --make-slave "/run/$name" "$1/$name"
done`;

/** Mounts what is not mounted yet. */
export async function mountOwnRun(place: string, host: Host, signal: AbortSignal): Promise<void> {
  await host.run(['sh', '-euc', mounting, 'sh', place], {}, signal);
}
