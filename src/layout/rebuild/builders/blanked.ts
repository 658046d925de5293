/** Encrypted volumes that are opened with the key that they had: what was in them before is there again, and udev would start what it finds. */
import type { Command, Word } from '../../../plan/action.ts';

/** There all that is known by a signature has it. */
const endBytes = 1 << 20;

const script = `
device=$1 offset=$2 end=$3
size=$(($(blockdev --getsize64 "$device") - offset))
[ "$size" -gt "$end" ] || end=$size
for at in "$offset" "$((offset + size - end))"; do
  dd if=/dev/zero of="$device" bs=64K count="$end" iflag=count_bytes seek="$at" oflag=seek_bytes conv=nocreat,notrunc,fsync status=none
done
`;

/** Before it is opened: zeros in its data are nothing that anybody knows once they are decrypted. */
export const blankedEnds = (device: Word, offsetBytes: number): Command => ({
  argv: ['sh', '-euc', script, 'blockdev', device, String(offsetBytes), String(endBytes)],
});
