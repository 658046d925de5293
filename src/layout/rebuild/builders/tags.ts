/** Devices of which a sum of each sector is kept: what was never written there cannot be read. */
import type { Command } from '../../../plan/action.ts';
import { device } from '../builder.ts';

/** Slow disks write no less in a second. */
const slowest = 10 << 20;

/** Writes zeros to all of an opened device, so that all of it can be read. */
export function wipedThrough(id: string, sizeBytes: number, sectorSize: number): Command {
  return {
    argv: ['sh', '-euc', wipe, 'sh', device(id), String(sectorSize)],
    timeoutMs: 60_000 + Math.ceil(sizeBytes / slowest) * 1_000,
  };
}

/** The end may be no whole MiB. */
const wipe = `
size=$(blockdev --getsize64 "$1")
whole=$((size / 1048576))
dd if=/dev/zero of="$1" bs=1M count="$whole" oflag=direct status=none
dd if=/dev/zero of="$1" bs="$2" seek="$((whole * 1048576 / $2))" count="$((size % 1048576 / $2))" oflag=direct conv=fsync status=none
`;
