/** The disks of a machine whose plug was pulled: arrays that are not clean, journals that wait to be replayed. */
import { join } from 'node:path';
import type { Disk } from '../../src/qemu/spec.ts';
import { devicesOf, startLab } from './lab.ts';
import { labEmulation } from './prepared.ts';
import { imagesOf } from '../../src/qemu/image.ts';
import { localHost } from '../../src/host/local.ts';

export const rootUuid = '11111111-2222-3333-4444-555555555555';
export const luksUuid = '99999999-2222-3333-4444-555555555555';
export const passphrase = 'four words and more';

/** A mirror, on it a volume group with ext4, a thin pool and an encrypted btrfs; beside it ext4 and XFS. What is written there, and not. */
const script = `
set -eux
for d in "$A" "$B"; do printf 'label: gpt\\nsize=100M\\nsize=700M\\n' | sfdisk -q "$d"; done
printf 'label: gpt\\nsize=400M\\n' | sfdisk -q "$C"
udevadm settle
mkfs.ext4 -q -L boot "\${A}1"
mkfs.xfs -q -L var "\${C}1"
mdadm --create /dev/md0 --run --level 1 --raid-devices 2 --metadata 1.2 "\${A}2" "\${B}2"
vgcreate -q vg-x /dev/md0
lvcreate -q -y -L 100m -n root vg-x
lvcreate -q -y -L 100m -T -V 60m vg-x/pool -n thin
lvcreate -q -y -L 160m -n secret vg-x
mkfs.ext4 -q -U ${rootUuid} /dev/vg-x/root
mkfs.ext4 -q -L thin /dev/vg-x/thin
printf '${passphrase}' > /tmp/key
cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --uuid ${luksUuid} /dev/vg-x/secret /tmp/key
cryptsetup open /dev/vg-x/secret secret --key-file /tmp/key
mkfs.btrfs -q -f -L data /dev/mapper/secret
mkdir -p /m
mount /dev/vg-x/root /m
mkdir -p /m/etc /m/boot /m/thin /m/data /m/var /m/dev /m/proc /m/sys /m/run
ln -s /etc /m/out
cat > /m/etc/fstab <<'F'
UUID=${rootUuid} / ext4 defaults 0 1
LABEL=boot /boot ext4 defaults 0 2
/dev/vg-x/thin /thin ext4 defaults 0 2
/dev/disk/by-label/var /var xfs defaults 0 2
LABEL=data /data btrfs subvol=@d 0 0
LABEL=boot /out/ssh ext4 defaults 0 0
/dev/sdz9 /gone ext4 defaults 0 0
nas:/x /nfs nfs defaults 0 0
/boot /bound none bind 0 0
F
mount -L boot /m/boot
mount /dev/vg-x/thin /m/thin
mount -L var /m/var
mount /dev/mapper/secret /m/data
btrfs -q subvolume create /m/data/@d
for place in /m /m/boot /m/thin /m/var /m/data/@d; do echo "in $place" > "$place/file"; done
sync
# From here on nothing is brought to an end.
for place in /m /m/boot /m/thin /m/var /m/data/@d; do
  for n in 1 2 3 4 5; do echo "$n" > "$place/late$n"; sync "$place/late$n"; done
done
`;

/**
 * Made in a machine that is switched off in the middle.
 *
 * @param directory where the images lie
 */
export async function dirtyDisks(directory: string, signal: AbortSignal): Promise<readonly Disk[]> {
  const { qemu } = await labEmulation(signal);
  const images = imagesOf(qemu, localHost());
  const disks: Disk[] = [];
  for (const [serial, size] of Object.entries({ A: 900, B: 900, C: 500 })) {
    const file = join(directory, `${serial}.qcow2`);
    await images.create(file, size * 1024 ** 2, signal);
    disks.push({ file, format: 'qcow2', serial, bus: 'scsi' });
  }
  await using lab = await startLab({ release: 'debian13' }, signal);
  for (const disk of disks) await lab.machine.addDisk(disk, signal);
  const names = await devicesOf(
    lab.host,
    disks.map(({ serial }) => serial),
    signal,
  );
  const env = Object.fromEntries([...names].filter(([serial]) => serial !== ''));
  await lab.host.run(['bash', '-c', script], { env, timeoutMs: 600_000 }, signal);
  return disks;
}
