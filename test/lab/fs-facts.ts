/** What the plain tools say of all filesystems of a machine, by type and UUID: the same text for one that was made anew as it was. */
import type { Host } from '../../src/host/host.ts';

/** Bytes of boot sectors, where no tool tells what stands there. */
const script = `
bytes() { od -A n -v -t x1 -j "$2" -N "$3" "$1"; }
# What lies in files and in memory is not made.
for device in $(lsblk -nrpo NAME | grep -v '/\\(loop\\|zram\\)' | sort -u); do
  uuid='' type=''
  eval "$(blkid -p -o export "$device" 2> /dev/null | grep -E '^(UUID|TYPE)=')"
  [ -n "$type$TYPE" ] || continue
  type=$TYPE uuid=$UUID TYPE='' UUID=''
  echo "== $type $uuid"
  case $type in
    ext*) dumpe2fs -h "$device" 2> /dev/null | grep -E '^(Filesystem (volume name|UUID|features|flags)|Default mount|Errors|Inode count|Block count|Reserved|Block size|Inode size|Blocks per|Inodes per|Flex|RAID|Maximum|Check interval|First inode|Default directory hash|Checksum type|Mount options|(Total j|J)ournal size|.* quota inode)' | sed 's/ needs_recovery//; s/ orphan_present//; s/quota inode:.*/quota/' ;;
    xfs) xfs_db -r -c info -c uuid -c label "$device" ;;
    btrfs) btrfs inspect-internal dump-super "$device" | sed -n '/^incompat_flags/,/^cache_generation/p; /^compat_ro_flags/,/^incompat/p; /^\\(csum_type\\|fsid\\|label\\|total_bytes\\|num_devices\\|sectorsize\\|nodesize\\)/p' | grep -v 'BIG_METADATA\\|cache_gen\\|flags' ;;
    # Without the byte that tells whether it is mounted.
    vfat) bytes "$device" 11 26; bytes "$device" 38 27; bytes "$device" 66 5 ;;
    exfat) bytes "$device" 72 36; bytes "$device" 108 3 ;;
    ntfs) bytes "$device" 11 69; ntfslabel "$device" ;;
    jfs) jfs_tune -l "$device" | grep -vE 'version|state|device number|creation' ;;
    f2fs) bytes "$device" 1024 76; bytes "$device" 1100 32 ;;
    swap) swaplabel "$device"; bytes "$device" 1024 8 ;;
  esac
done
for uuid in $(blkid -o value -s UUID -t TYPE=btrfs | sort -u); do
  mkdir -p /run/seen
  mount -o subvolid=5 "UUID=$uuid" /run/seen || continue
  echo "== inside of $uuid"
  btrfs subvolume list /run/seen | sed 's/.* path //' | sort
  btrfs subvolume get-default /run/seen | sed 's/.* path /default /'
  btrfs subvolume list /run/seen | sed 's/.* path //' | while read -r path; do
    group=0/$(btrfs inspect-internal rootid "/run/seen/$path")
    limits=$(btrfs qgroup show --raw -re /run/seen 2> /dev/null | awk -v "group=$group" '$1 == group { print "limits", $4, $5 }')
    echo "$path: $(lsattr -d "/run/seen/$path" | cut -d ' ' -f 1) $(btrfs property get -t inode "/run/seen/$path" compression) $limits"
  done | sort
  btrfs filesystem df /run/seen | sed 's/: .*//' | grep -v 'System\\|GlobalReserve' | sort
  umount /run/seen
done
`;

export async function filesystemFacts(host: Host, signal: AbortSignal): Promise<string> {
  // Each once: of what lies on several devices every one is asked, and says the same but for its own place in it.
  const { stdout } = await host.run(['sh', '-c', script], { timeoutMs: 300_000 }, signal);
  return [...new Set(stdout.toString().split(/^(?=== )/m))].toSorted().join('');
}
