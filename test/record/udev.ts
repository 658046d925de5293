/** What udev knows of the disks: on a server lsblk gets names, labels and UUIDs from it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { within } from './commands.ts';
import { disks } from './disks.ts';

/** Rules for block devices alone. Others configure networks, load modules or start units. */
const kept = new Set(['50-udev-default.rules', '60-block.rules', '60-persistent-storage.rules', '64-btrfs.rules']);

const timeoutMs = 30_000;

/**
 * Runs the release's udevd until it has seen our disks, and ends it. It can reach nothing else: its `/dev` and `/run`
 * are private and hold no other device, and what it would tell others goes by netlink, which ends at the network
 * namespace. The kernel tells of devices in every namespace, so it may hear of others too, and finds no node for them.
 */
export async function fillUdev(root: string): Promise<void> {
  const rules = join(root, 'usr/lib/udev/rules.d');
  for (const name of readdirSync(rules)) if (!kept.has(name)) rmSync(join(rules, name));
  const [program, ...args] = within(root, ['/lib/systemd/systemd-udevd', '--children-max=4']);
  const daemon = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', SYSTEMD_IGNORE_CHROOT: '1' },
  });
  const exited = once(daemon, 'exit');
  let said = '';
  daemon.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const data = join(root, 'run/udev/data');
  const numbers = devices().map(({ number }) => join(data, `b${number}`));
  try {
    // The older and the newer way to speak to it.
    const doors = ['run/udev/control', 'run/udev/io.systemd.Udev'].map((path) => join(root, path));
    await until(
      () => doors.some((path) => existsSync(path)),
      () => `udevd does not start: ${said}`,
    );
    for (const { path } of devices()) writeFileSync(join(path, 'uevent'), 'change');
    const idle = () => numbers.every((file) => existsSync(file)) && !existsSync(join(root, 'run/udev/queue'));
    await until(idle, () => `udevd has not seen all disks: ${said}`);
  } finally {
    daemon.kill('SIGTERM');
    await exited;
  }
}

/** Our disks and their partitions in sysfs, by `major:minor`. */
function devices(): { readonly path: string; readonly number: string }[] {
  const prefixes = Object.values(disks).map(({ loop }) => `loop${loop}`);
  return readdirSync('/sys/class/block')
    .filter((name) => prefixes.some((prefix) => name === prefix || name.startsWith(`${prefix}p`)))
    .map((name) => ({ path: join('/sys/class/block', name), number: numberOf(name) }));
}

function numberOf(name: string): string {
  return readFileSync(join('/sys/class/block', name, 'dev'), 'utf8').trim();
}

async function until(done: () => boolean, why: () => string): Promise<void> {
  for (const end = Date.now() + timeoutMs; !done(); await delay(20)) if (Date.now() > end) throw new Error(why());
}
