/** Whether nothing at all is on a disk: only then may a plan take it without being told to. */
import type { Host } from '../../host/host.ts';
import type { Layout } from '../types.ts';
import { sourceDigest } from './document.ts';
import { readMark } from './mark.ts';
import { disksOf } from './site.ts';

const end = 8 << 20;
const samples = 256;
const sampleBytes = 4096;

/** Each pair of arguments is where to look, and how many bytes: one process for all of them, as there may be many disks. */
const compare = `
device=$1
shift
while [ $# -gt 0 ]; do
  cmp --quiet --bytes="$2" --ignore-initial="$1:0" -- "$device" /dev/zero || exit 1
  shift 2
done`;

/**
 * Both ends of 8 MiB and 256 samples between them hold nothing but zeros. What blkid, mdadm, LVM or ZFS know a device by lies at its
 * ends, so a disk with anything that one of them knows is not blank.
 *
 * @returns `false` also for one that cannot be read
 */
export async function isBlank(host: Host, device: string, sizeBytes: number, signal: AbortSignal): Promise<boolean> {
  if (sizeBytes === 0) return false;
  const ends = Math.min(end, sizeBytes);
  const between = Array.from({ length: samples }, (_, sample) => {
    const start = Math.floor((sizeBytes * (sample + 0.5)) / samples / sampleBytes) * sampleBytes;
    return [start, Math.min(sampleBytes, sizeBytes - start)];
  });
  const places = [[0, ends], [sizeBytes - ends, ends], ...between].flat().map(String);
  const options = { okCodes: [0, 1], timeoutMs: 5 * 60_000 };
  return (await host.run(['sh', '-c', compare, 'sh', device, ...places], options, signal)).code === 0;
}

/**
 * Ids of the disks of a host that are blank, or bear the mark of an earlier attempt at the same machine.
 *
 * @param found a capture of it
 */
export async function blankDisks(
  wanted: Layout,
  found: Layout,
  host: Host,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const of = sourceDigest(wanted);
  const used = new Set(found.components.flatMap(({ on }) => on));
  const blank = new Set<string>();
  for (const disk of disksOf(found)) {
    const { id, device, sizeBytes } = disk;
    if (sizeBytes === 0) continue;
    const mark = await readMark(host, disk, signal);
    const isTaken = mark?.of === of && mark.recovered === undefined && mark.startable !== true;
    if (isTaken || (!used.has(id) && (await isBlank(host, device, sizeBytes, signal)))) blank.add(id);
  }
  return blank;
}
