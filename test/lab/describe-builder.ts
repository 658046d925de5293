/** What a builder machine owes those who make stacks in it. */
import { describe, expect, test } from 'vitest';
import type { Release } from './builder.ts';
import { startLab } from './lab.ts';

const { signal } = new AbortController();
const bytes = 64 * 1024 ** 2;

const programs = `
  mdadm mdmon lvm lvs dmeventd thin_check dmsetup cryptsetup integritysetup veritysetup make-bcache bcache-super-show
  multipath multipathd kpartx iscsiadm iscsid tgtd tgtadm drbdadm drbdsetup sg_inq
  mkfs.ext4 tune2fs dumpe2fs mkfs.xfs xfs_info mkfs.btrfs btrfs mkfs.vfat mkfs.exfat mkfs.f2fs mkfs.jfs mkfs.ntfs mkswap
  lsblk blkid findmnt sfdisk sgdisk parted partprobe wipefs losetup zramctl blockdev udevadm
  getfattr getfacl lsattr tar zstd dmidecode ps awk which ip bridge ethtool wg nft`;

const modules = `
  raid0 raid1 raid10 raid456 dm-raid dm-mirror dm-snapshot dm-thin-pool dm-cache dm-writecache dm-crypt dm-integrity
  dm-multipath dm-delay dm-flakey bcache drbd loop nbd zram scsi_debug iscsi_tcp target_core_mod iscsi_target_mod
  virtio_blk virtio_scsi nvme ahci usb-storage uas ext4 xfs btrfs f2fs jfs vfat exfat isofs nls_cp437
  bonding team 8021q bridge ipvlan macvlan veth vxlan wireguard`;

/** What the kernels of some releases have not, or not yet. */
const passing = 'linear ntfs3';
const without: Readonly<Record<Release, readonly string[]>> = {
  debian11: ['ntfs3'],
  debian12: ['ntfs3'],
  debian13: ['linear'],
};

export function describeBuilder(release: Release): void {
  describe(`builder of ${release}`, () => {
    test('it is that release, with all programs and modules of its kind', async () => {
      await using lab = await startLab({ release }, signal);
      const missing = async (check: string, names: string) => {
        const script = `for name in ${names.trim().replace(/\s+/g, ' ')}; do ${check} "$name" > /dev/null 2>&1 || echo "$name"; done`;
        const { stdout } = await lab.host.run(['bash', '-c', script], { timeoutMs: 240_000 }, signal);
        return stdout.toString().split('\n').filter(Boolean);
      };
      const { stdout } = await lab.host.run(['cat', '/etc/os-release'], {}, signal);
      expect(stdout.toString()).toContain(`VERSION_ID="${release.replace('debian', '')}"`);
      expect(await missing('command -v', programs)).toEqual([]);
      expect(await missing('modprobe --dry-run', modules)).toEqual([]);
      expect(await missing('modprobe --dry-run', passing)).toEqual(without[release]);
    });

    test('two disks become a RAID 1, which nothing but a command puts together again', async () => {
      const disks = [
        { serial: 'A', bytes },
        { serial: 'B', bytes },
      ];
      await using lab = await startLab({ release, disks }, signal);
      const run = async (...argv: readonly [string, ...string[]]) =>
        (await lab.host.run(argv, { timeoutMs: 120_000 }, signal)).stdout.toString();
      const members = disks.map(({ serial }) => lab.devices.get(serial) ?? serial);
      await run('mdadm', '--create', '/dev/md/both', '--run', '--level=1', '--raid-devices=2', ...members);
      expect(await run('lsblk', '-nro', 'TYPE', '/dev/md/both')).toBe('raid1\n');
      expect(await run('mdadm', '--detail', '/dev/md/both')).toMatch(/Raid Devices : 2/);

      await run('mdadm', '--stop', '/dev/md/both');
      await run('udevadm', 'trigger', '--settle', '--action=add', '--subsystem-match=block');
      expect(await run('cat', '/proc/mdstat')).not.toMatch(/^md/m);
      expect(await run('lsblk', '-dnro', 'FSTYPE', ...members)).toBe('linux_raid_member\nlinux_raid_member\n');

      await run('mdadm', '--assemble', '--scan');
      expect(await run('cat', '/proc/mdstat')).toMatch(/^md\d+ : active .*raid1/m);
    });
  });
}
