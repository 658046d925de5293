/** Whether nothing at all is on a disk: only then may a plan take it without being told to. */
import type { Host } from '../../host/host.ts';

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
