/**
 * Rescue media beside those of rear 2.9 of Debian sid, which were measured on a machine of this kind with the same kernel and all its modules: time
 * to make one, its size, from switching on to the menu, and memory.
 */
import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { FirmwareKind } from '../../src/machine/firmware.ts';
import { cachedDirectory } from '../helpers/cache.ts';
import { root } from '../helpers/cli.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { unpackedPackages } from '../lab/packages.ts';
import { digest } from '../lab/prepared.ts';
import { rescueState, startRescue } from '../lab/rescue.ts';

/** Of rear: seconds of `mkrescue`, bytes of its image, seconds to its prompt. */
const peer = { makes: 190, bytes: 87.7e6, starts: 24 };

const madeSchema = z.object({
  version: z.string(),
  seconds: z.number(),
  bytes: z.number(),
  sizes: z.record(z.string(), z.number()),
});

export async function rescueMedia(): Promise<void> {
  await using work = await temporaryDirectory();
  const image = join(work.path, 'rescue.iso');
  const made = await makeImage(work.path, image);
  const ratio = (own: number, others: number) => (own / others).toFixed(2);
  console.log(
    `rescue: made in ${made.seconds.toFixed(1)} s with the base at hand; rear ${peer.makes} s (ratio ${ratio(made.seconds, peer.makes)}, aimed at 0.1)`,
  );
  console.log(
    `rescue: ${(made.bytes / 1e6).toFixed(1)} MB with the kernel ${made.version} and all its modules; rear ${peer.bytes / 1e6} MB (ratio ${ratio(made.bytes, peer.bytes)}, aimed at 1.0, then 0.9)`,
  );
  for (const [name, bytes] of Object.entries(made.sizes)) console.log(`  ${(bytes / 1e6).toFixed(1)} MB ${name}`);
  for (const firmware of ['bios', 'uefi'] as const) await start(image, firmware);
}

async function makeImage(work: string, output: string) {
  const packages = ['linux-image-cloud-amd64'];
  const tree = await unpackedPackages('trixie', packages);
  // With an index of its modules, which packages have not.
  const kernelRoot = await cachedDirectory(`lab/kernel/cloud-${digest([tree])}`, async (directory) => {
    for (const name of ['boot', 'usr/lib/modules'])
      cpSync(join(tree, name), join(directory, name), { recursive: true });
  });
  const request = { program: root, state: rescueState, kernelRoot, work: join(work, 'made'), output };
  const child = join(import.meta.dirname, 'rescue-child.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [child], {
    input: JSON.stringify(request),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return madeSchema.parse(JSON.parse(stdout));
}

async function start(image: string, firmware: FirmwareKind): Promise<void> {
  const { signal } = new AbortController();
  await using rescue = await startRescue(image, { firmware }, signal);
  await rescue.menu(signal);
  const { wallSeconds, cpuSeconds } = rescue.machine.usage();
  console.log(
    `rescue: ${firmware}, from switching on to the menu ${wallSeconds.toFixed(1)} s (${cpuSeconds.toFixed(1)} s of processor); rear ${peer.starts} s by BIOS (aimed at 0.8 of that)`,
  );
  await using host = await rescue.host(signal);
  const text = (await host.read('/proc/meminfo', {}, signal)).toString();
  const kib = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN);
  const used = (kib('MemTotal') - kib('MemAvailable')) / 1024;
  console.log(
    `rescue: ${firmware}, ${used.toFixed(0)} MiB of memory used then, of ${(kib('MemTotal') / 1024).toFixed(0)}`,
  );
}
