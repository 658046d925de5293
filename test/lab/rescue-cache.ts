/** What making rescue media in a machine of the lab would fetch and pack once: a disk with it, so that it is there already. */
import { hash } from 'node:crypto';
import { cp, mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Host } from '../../src/host/host.ts';
import { localHost } from '../../src/host/local.ts';
import type { Machine } from '../../src/machine/machine.ts';
import { type Tools, toolsIn } from '../../src/media/tools.ts';
import { root } from '../helpers/cli.ts';
import { output } from '../helpers/child-process.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { rescueMedium, rescueState } from './rescue.ts';

/** The tools that make media; a medium that was made has brought them. */
export async function rescueTools(): Promise<Tools> {
  await rescueMedium();
  return toolsIn(localHost(), join(rescueState, 'rescue/cache', await toolsName()));
}

/** As the program names them. */
async function toolsName(): Promise<string> {
  const lock = JSON.parse(await readFile(join(root, 'rescue/packages.lock'), 'utf8'));
  const { tools } = z.object({ tools: z.unknown() }).parse(lock);
  return `tools-${hash('sha256', JSON.stringify(tools)).slice(0, 16)}`;
}

const diskBytes = 1024 ** 3;

/** Mounts it as the state directory of lifeboat. Its image lies in this directory. */
export async function addRescueCache(
  machine: Machine,
  host: Host,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const { medium } = await rescueMedium();
  const names = [`base-${medium.base.digest}`, await toolsName()];
  await using work = await temporaryDirectory();
  await mkdir(join(work.path, 'rescue/cache'), { recursive: true });
  for (const name of names) {
    await cp(join(rescueState, 'rescue/cache', name), join(work.path, 'rescue/cache', name), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
  const file = join(directory, 'rescue-cache');
  await using image = await open(file, 'w');
  await image.truncate(diskBytes);
  await output('/usr/sbin/mke2fs', '-q', '-t', 'ext4', '-L', 'rescue-cache', '-d', work.path, file);
  await machine.addDisk({ file, format: 'raw', serial: 'CACHE', bus: 'scsi' }, signal);
  const mount = `
    until [ -e /dev/disk/by-label/rescue-cache ]; do sleep 0.2; done
    mkdir -p /var/lib/lifeboat
    echo 'LABEL=rescue-cache /var/lib/lifeboat ext4 noatime,nofail 0 0' >> /etc/fstab
    systemctl daemon-reload
    mount /var/lib/lifeboat
    chown 0:0 /var/lib/lifeboat`;
  await host.run(['sh', '-ec', mount], { timeoutMs: 240_000 }, signal);
}
