/** Whether nothing at all is on a disk: only then may a plan take it without being told to. */
import type { Host } from '../../host/host.ts';

const end = 8 << 20;
const samples = 256;
const sampleBytes = 4096;

/**
 * Both ends of 8 MiB and 256 samples between them hold nothing but zeros. What blkid, mdadm, LVM or ZFS know a device by lies at its
 * ends, so a disk with anything that one of them knows is not blank.
 *
 * @returns `false` also for one that cannot be read
 */
export async function isBlank(host: Host, device: string, sizeBytes: number, signal: AbortSignal): Promise<boolean> {
  if (sizeBytes === 0) return false;
  const isZero = async (start: number, bytes: number): Promise<boolean> => {
    const argv = [
      'cmp',
      '--quiet',
      `--bytes=${bytes}`,
      `--ignore-initial=${start}:0`,
      '--',
      device,
      '/dev/zero',
    ] as const;
    const { code } = await host.run(argv, { okCodes: [0, 1, 2] }, signal);
    return code === 0;
  };
  const ends = Math.min(end, sizeBytes);
  if (!(await isZero(0, ends)) || !(await isZero(sizeBytes - ends, ends))) return false;
  for (let sample = 0; sample < samples; sample++) {
    const start = Math.floor((sizeBytes * (sample + 0.5)) / samples / sampleBytes) * sampleBytes;
    if (!(await isZero(start, Math.min(sampleBytes, sizeBytes - start)))) return false;
  }
  return true;
}
