/** Writing a medium to a stick, and proving what is on it then: some hold less than they say. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { formatBytes } from '../kernel/units.ts';
import { contentBytes, makeData, writeMedium, writeTable } from './formats/disk.ts';
import type { FormatPlace, FormatSource } from './formats/format.ts';
import { diskPrograms } from './formats/uefi.ts';
import type { Stick } from './stick.ts';
import type { Tools } from './tools.ts';

/**
 * @throws LifeboatError `no-space`, `command-failed`; `archive-damaged` where the stick does not hold what was written
 */
export async function writeStick(
  source: FormatSource,
  { path, shape, isOurs }: Pick<Stick, 'path' | 'shape' | 'isOurs'>,
  place: Omit<FormatPlace, 'output'>,
  host: Host,
  signal: AbortSignal,
): Promise<void> {
  const { tools } = place;
  const content = await contentBytes(source, tools);
  if (content * 1.02 > shape.medium.bytes) {
    const room = `${formatBytes(content)} do not fit into ${formatBytes(shape.medium.bytes)}`;
    throw new LifeboatError('no-space', `the stick has no room for the medium: ${room}`, {
      hint: isOurs
        ? 'Copy the recovery points from it, remove its partitions, and write it anew.'
        : 'Take a larger one.',
    });
  }
  if (!isOurs) {
    await writeTable(path, shape, tools, signal);
    if (shape.data !== undefined) await makeData(path, shape.data, tools, signal);
  }
  await writeMedium(source, { ...place, output: path }, shape, signal);
  await flush(host, path, signal);
  await compare(source, `${path}@@${shape.medium.start}`, tools, signal);
}

/** From here on it is read from the stick itself. */
async function flush(host: Host, path: string, signal: AbortSignal): Promise<void> {
  await using file = await open(path, 'r+');
  await file.sync();
  if ((await file.stat()).isBlockDevice()) await host.run(['blockdev', '--flushbufs', path], {}, signal);
}

async function compare({ directory }: FormatSource, image: string, tools: Tools, signal: AbortSignal): Promise<void> {
  const names = await readdir(join(directory, 'lifeboat'));
  const written = [
    ...names.map((name) => [`lifeboat/${name}`, join(directory, 'lifeboat', name)] as const),
    ...Object.entries(diskPrograms).map(([name, from]) => [`EFI/BOOT/${name}`, tools.file(from)] as const),
  ];
  for (const [name, from] of written) {
    const options = { timeoutMs: 1_800_000, maxOutput: 2 ** 30 };
    const { stdout } = await tools.run('mtype', ['-i', image, `::/${name}`], options, signal);
    const wanted = createHash('sha256');
    for await (const chunk of createReadStream(from, { signal })) wanted.update(chunk);
    if (createHash('sha256').update(stdout).digest('hex') === wanted.digest('hex')) continue;
    throw new LifeboatError('archive-damaged', `the stick does not hold what was written to it: ${name}`, {
      hint: 'Take another stick: this one is broken, or smaller than it says.',
    });
  }
}
