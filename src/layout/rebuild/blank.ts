/** Whether nothing at all is on a disk: only then may a plan take it without being told to. */
import type { Host } from '../../host/host.ts';
import { zerosArgv } from '../../native/zeros.ts';
import type { Layout } from '../types.ts';
import { sourceDigest } from './document.ts';
import { halfDone } from './half-done.ts';
import { answered, marksOn } from './mark.ts';
import { disksOf } from './site.ts';

const end = 8 << 20;
const samples = 256;
const sampleBytes = 4096;
/** What takes longer for that little has an error in each of its places, or does not answer at all. */
const limitMs = 2 * 60_000;

/** As {@link zerosArgv}, where there are only the programs of the system; that makes a process for each place. */
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
  const options = { okCodes: [0, 1, 2], timeoutMs: limitMs };
  const own = host.name === 'local' ? zerosArgv() : undefined;
  const argv = own ?? (['sh', '-c', compare, 'sh'] as const);
  return (await host.run([...argv, device, ...places], options, signal)).code === 0;
}

export interface Looked {
  /** Ids of disks that are blank, or that an earlier attempt at the same machine left half done. */
  readonly blank: ReadonlySet<string>;
  /** Ids of disks that do not answer: nobody knows what is on them. */
  readonly silent: ReadonlySet<string>;
}

/** @param found a capture of this host, whose disks are all looked at */
export async function lookedAt(wanted: Layout, found: Layout, host: Host, signal: AbortSignal): Promise<Looked> {
  const used = new Set(found.components.flatMap(({ on }) => on));
  const disks = disksOf(found).filter(({ sizeBytes }) => sizeBytes > 0);
  const { marks, silent: mute } = await marksOn(disks, host, signal);
  const silent = new Set(mute);
  const blank = new Set<string>();
  await Promise.all(
    disks.map(async ({ id, device, sizeBytes }) => {
      if (used.has(id) || marks.has(id) || mute.has(id)) return;
      const is = await answered(isBlank(host, device, sizeBytes, signal));
      if (is === 'silent') silent.add(id);
      else if (is) blank.add(id);
    }),
  );
  return { blank: blank.union(halfDone(sourceDigest(wanted), found, { marks, silent }, blank)), silent };
}
