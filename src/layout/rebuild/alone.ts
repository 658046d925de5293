/**
 * Writing to what arrays and caches were on, while udev looks away. In a system that runs, udev starts an array or a device of bcache again as
 * soon as anybody has written to a disk with a member of it, or has stopped it.
 */
import type { Command } from '../../plan/action.ts';
import type { OrderedSite } from './site.ts';

/**
 * udev leaves a disk alone while somebody holds it so (systemd's locking of block devices); what it had begun comes to its end first. It may
 * still look at the array itself for a moment, another disk's turn may stop that at the same time, and the kernel lets go of a cache a moment
 * after it has stopped it.
 */
const script = `
disk=$1 device=$2
shift 2
exec 9< "$disk"
flock --exclusive --timeout 60 9 || { echo "somebody holds a lock on $disk" >&2; exit 1; }
soon() {
  turn=0
  until said=$("$@" 2>&1 < /dev/null); do
    turn=$((turn + 1))
    [ $turn -lt 100 ] || { echo "$said" >&2; exit 1; }
    sleep 0.1
  done
}
stopped() { [ ! -e "$1" ] || mdadm --stop "/dev/\${1##*/}"; }
real=$(realpath -e -- "$device")
[ -b "$real" ]
here=/sys/class/block/\${real##*/}
for holder in "$here"/holders/md* "$here"/*/holders/md*; do soon stopped "$holder"; done
for own in "$here"/bcache "$here"/*/bcache; do
  for stop in "$own"/set/stop "$own"/stop; do
    { [ ! -e "$stop" ] || echo 1 > "$stop"; } 2> /dev/null || true
  done
  soon test ! -e "$own"
done
soon "$@" "$device"
`;

/**
 * A program that is given a disk or a partition of one as its last word; where members of arrays or caches are on it, with these stopped once more
 * and nobody there to start them.
 */
export function alone(program: readonly [string, ...string[]], id: string, now: OrderedSite): Command {
  const [name, ...words] = program;
  const [disk] = now.disksUnder(id);
  if (disk === undefined || !holdsMember(id, now)) return { argv: [name, ...words, { device: id }] };
  return {
    argv: ['sh', '-euc', script, 'mdadm', { device: disk }, { device: id }, name, ...words],
    timeoutMs: 10 * 60_000,
  };
}

/** Itself, or one of its partitions. */
const holdsMember = (id: string, now: OrderedSite): boolean =>
  now.above(id).some((one) => {
    if (['md', 'md-container', 'bcache', 'bcache-set'].includes(one.kind)) return true;
    return (one.kind === 'table' || one.kind === 'partition') && holdsMember(one.id, now);
  });
