/** This lifeboat, as it is built now, on a disk: with its Node and its packages, so that a system can run it that has neither. */
import { cp, mkdir, open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { Host } from '../../src/host/host.ts';
import type { Machine } from '../../src/machine/machine.ts';
import { output } from '../helpers/child-process.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const root = join(import.meta.dirname, '../..');

/** Where it is in the system. */
export const programPlace = '/opt/lifeboat';
/** The beginning of its command line there. */
export const program = [`${programPlace}/node`, `${programPlace}/bin/lifeboat.js`] as const;

const diskBytes = 512 * 1024 ** 2;
const lockSchema = z.object({ packages: z.record(z.string(), z.object({ dev: z.boolean().default(false) })) });

/** Puts the disk into a machine that runs, and has it mounted there, also after a reboot. Its image lies in this directory. */
export async function addProgram(machine: Machine, host: Host, directory: string, signal: AbortSignal): Promise<void> {
  const file = await programDisk(directory);
  await machine.addDisk({ file, format: 'raw', serial: 'PROGRAM', bus: 'scsi' }, signal);
  await host.run(['sh', '-ec', mount], { timeoutMs: 240_000 }, signal);
}

/** Whoever made the disk: in the system it belongs to root. */
const mount = `
  until [ -e /dev/disk/by-label/program ]; do sleep 0.2; done
  echo 'LABEL=program ${programPlace} ext4 noatime 0 0' >> /etc/fstab
  mkdir -p ${programPlace}
  systemctl daemon-reload
  mount ${programPlace}
  chown -R 0:0 ${programPlace}`;

/** The image of the disk, in this directory: an ext4 called `program`. */
export async function programDisk(directory: string): Promise<string> {
  await using work = await temporaryDirectory();
  const { packages } = lockSchema.parse(JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')));
  const needed = Object.entries(packages).flatMap(([path, { dev }]) => (path === '' || dev ? [] : [path]));
  const own = ['package.json', 'bin', 'dist', 'rescue', 'native/build'];
  for (const name of [...own, ...needed]) {
    await mkdir(dirname(join(work.path, name)), { recursive: true });
    await cp(join(root, name), join(work.path, name), { recursive: true, force: true });
  }
  await cp(process.execPath, join(work.path, 'node'));
  const file = join(directory, 'program');
  await using image = await open(file, 'w');
  await image.truncate(diskBytes);
  await output('/usr/sbin/mke2fs', '-q', '-t', 'ext4', '-L', 'program', '-d', work.path, file);
  return file;
}
