/** Devices that hang or answer wrongly: a capture ends in time, tells what it could not see, and holds all the rest. */
import { expect, test } from 'vitest';
import type { Gap } from '../../../src/host/gap.ts';
import { captureLayout } from '../../../src/layout/capture.ts';
import { type Layout, parseLayout } from '../../../src/layout/types.ts';
import { present } from '../../../src/kernel/present.ts';
import type { Release } from '../builder.ts';
import { type Lab, startLab } from '../lab.ts';
import { makeStack, parseDisk } from '../stack.ts';

const { signal } = new AbortController();
const timeout = 900_000;

async function made(script: string, sizes: readonly string[], release?: Release): Promise<Lab> {
  const disks = sizes.map(parseDisk);
  const lab = await startLab({ disks, ...present({ release }) }, signal);
  await makeStack({ name: 'faulty', disks, releases: [], script: `set -eux\n${script}` }, lab, signal);
  return lab;
}

/** Longer than any capture under emulation on a busy machine; a question for each dead device in turn would take longer. */
const limitMs = 150_000;

async function captured(lab: Lab): Promise<Layout> {
  const from = performance.now();
  const layout = parseLayout(await captureLayout(lab.host, new Date(), AbortSignal.timeout(limitMs)));
  console.log(`captured within ${Math.round((performance.now() - from) / 1_000)} s`);
  for (const { subject, problem, hint = '' } of layout.gaps)
    console.log(`  ${subject}: ${problem.slice(0, 160)} (${hint})`);
  return layout;
}

/** Programs that no signal ends. */
async function stuck(lab: Lab): Promise<string[]> {
  const { stdout } = await lab.host.run(['ps', '-eo', 'stat=,comm='], {}, signal);
  const waiting = stdout.toString().matchAll(/^D\S* +(.+)$/gm);
  return [...waiting].map(([, name = '']) => name).filter((name) => !/udev|kworker|jbd2|xfsaild/.test(name));
}

const about = ({ gaps }: Layout, device: string): Gap[] =>
  gaps.filter(({ subject, problem }) => `${subject} ${problem}`.includes(device));
const kinds = ({ components }: Layout, kind: string) => components.filter((one) => one.kind === kind);

/** What is beside the faulty one, in each of these. */
const healthy = `
vgcreate --quiet fine "$B"
lvcreate --quiet --wipesignatures n --size 64m --name one fine
mkfs.ext4 -q -U 0b0f1a4e-0810-4000-8000-000000000001 /dev/fine/one
mkdir -p /mnt/one
mount /dev/fine/one /mnt/one
mkfs.btrfs -q -U 0b0f1a4e-0810-4000-8000-000000000002 "$C"
udevadm settle
`;

function expectHealthy(layout: Layout): void {
  expect(kinds(layout, 'mount')).toContainEqual(expect.objectContaining({ path: '/mnt/one' }));
  expect(kinds(layout, 'vg')).toContainEqual(expect.objectContaining({ name: 'fine' }));
  expect(kinds(layout, 'lv')).toContainEqual(
    expect.objectContaining({ name: 'one', segments: [expect.objectContaining({ extents: 16 })] }),
  );
  const ext = kinds(layout, 'ext').find((one) => one.id.endsWith('0810-4000-8000-000000000001'));
  expect(ext).toHaveProperty('geometry');
  const btrfs = kinds(layout, 'btrfs').find((one) => one.id.endsWith('0810-4000-8000-000000000002'));
  expect(btrfs).toHaveProperty('geometry.nodeSize');
}

test('ten devices that answer after minutes are waited for together, and once', { timeout }, async () => {
  await using lab = await made(`modprobe dm-delay\n${healthy}${slow}`, ['A=128M', 'B=128M', 'C=128M']);
  const layout = await captured(lab);
  expectHealthy(layout);
  for (let number = 1; number <= 10; number += 1) {
    expect(about(layout, `/dev/mapper/slow${number} `)).toContainEqual({
      subject: `/dev/mapper/slow${number}`,
      problem: expect.stringContaining('did not'),
      hint: expect.stringContaining('dmesg'),
    });
  }
  const waiting = await stuck(lab);
  // What waits has to have waited for a while to be known again.
  await lab.host.run(['sleep', '12'], {}, signal);
  const again = await captured(lab);
  expectHealthy(again);
  expect(again.gaps.filter(({ problem }) => problem.includes('still waits')).length).toBeGreaterThanOrEqual(10);
  expect((await stuck(lab)).sort()).toEqual(waiting.sort());
});

const slow = `
for n in 1 2 3 4 5 6 7 8 9 10; do
    echo "0 8192 delay $A $((n * 8192)) 0" | dmsetup create "slow$n"
    mkfs.ext4 -q "/dev/mapper/slow$n"
done
udevadm settle
for n in 1 2 3 4 5 6 7 8 9 10; do
    echo "0 8192 delay $A $((n * 8192)) 600000" | dmsetup load "slow$n"
    dmsetup suspend --nolockfs "slow$n"
    dmsetup --noudevsync resume "slow$n"
done
`;

test('errors from below a physical volume, an array and a filesystem', { timeout }, async () => {
  await using lab = await made(`${healthy}${broken}`, ['A=256M', 'B=128M', 'C=128M', 'D=128M']);
  const layout = await captured(lab);
  expectHealthy(layout);
  expect(kinds(layout, 'disk')).toHaveLength(4);
  for (const name of ['files', 'volume', 'leg']) expect(about(layout, `/dev/mapper/${name}`)).not.toEqual([]);
  expect(kinds(layout, 'md')).toMatchObject([{ geometry: { level: 'raid1', raidDevices: 2 } }]);
});

/** Each a third of a disk, that breaks after something was made on it. */
const broken = `
third() { echo "0 131072 linear $A $(($2 * 131072))" | dmsetup create "$1"; }
third files 0
third volume 1
third leg 2
mkfs.ext4 -q /dev/mapper/files
vgcreate --quiet gone /dev/mapper/volume
lvcreate --quiet --wipesignatures n --size 16m --name lost gone
mdadm --create /dev/md/half --run --assume-clean --level=1 --raid-devices=2 --bitmap=none --metadata=1.2 --homehost=builder /dev/mapper/leg "$D"
udevadm settle
for name in files volume leg; do
    echo "0 131072 error" | dmsetup load "$name"
    dmsetup suspend --nolockfs "$name"
    dmsetup --noudevsync resume "$name"
done
`;

test('a stopped iSCSI target, with a mounted filesystem and a group on its disks', { timeout }, async () => {
  await using lab = await made(`${healthy}${stopped}`, ['A=64M', 'B=128M', 'C=128M']);
  const layout = await captured(lab);
  expectHealthy(layout);
  expect(kinds(layout, 'iscsi')).toHaveLength(1);
  expect(kinds(layout, 'mount')).toContainEqual(expect.objectContaining({ path: '/mnt/far' }));
  const far = layout.components.flatMap((one) =>
    one.kind === 'disk' && one.transport === 'iscsi' ? [one.device] : [],
  );
  expect(far).toHaveLength(2);
  for (const device of far) {
    expect(about(layout, device)).toContainEqual(
      expect.objectContaining({ hint: expect.stringContaining('iscsiadm') }),
    );
  }
  expectHealthy(await captured(lab));
});

const stopped = `
modprobe iscsi_tcp
tgtd
timeout 60 sh -c 'until tgtadm --lld iscsi --op show --mode target; do sleep 0.2; done'
tgt() { tgtadm --lld iscsi --op "$1" --mode "$2" "\${@:3}"; }
tgt new target --tid 1 --targetname iqn.2026-11.org.lab:far
for lun in 1 2; do
    truncate -s 64M "/run/lun$lun"
    tgt new logicalunit --tid 1 --lun "$lun" --backing-store "/run/lun$lun"
done
tgt bind target --tid 1 --initiator-address ALL
iscsid
timeout 60 sh -c 'until iscsiadm -m discovery -t sendtargets -p 127.0.0.1; do sleep 0.5; done'
iscsiadm -m node --login
timeout 60 sh -c 'until [ "$(lsblk -dnro VENDOR | grep -c IET)" = 2 ]; do sleep 0.2; done'
udevadm settle
set -- $(lsblk -dnpo NAME,VENDOR | awk '/IET/ { print $1 }')
mkfs.ext4 -q "$1"
mkdir -p /mnt/far
mount "$1" /mnt/far
vgcreate --quiet far "$2"
udevadm settle
kill -STOP $(pidof tgtd)
timeout 60 sh -c 'until grep -q FAILED /sys/class/iscsi_session/*/state; do sleep 1; done'
`;

test('metadata that was overwritten: each is named, and the rest is told', { timeout }, async () => {
  await using lab = await made(`${healthy}${damaged}`, ['A=512M', 'B=128M', 'C=128M']);
  const layout = await captured(lab);
  expectHealthy(layout);
  expect(kinds(layout, 'disk')).toHaveLength(3);
  // Of the table there is a second copy.
  const partitions = layout.components.filter((one) => one.kind === 'partition');
  expect(partitions).toHaveLength(5);
  const [ext, luks, label, member, btrfs] = await Promise.all([1, 2, 3, 4, 5].map((n) => labPath(lab, `${n}`)));
  const on = (device = '') => partitions.find((one) => one.device === device)?.id ?? 'none';
  const lyingOn = (device = '') => layout.components.filter((one) => one.on.includes(on(device)));
  expect(about(layout, ext ?? '')).toContainEqual(
    expect.objectContaining({ problem: expect.stringContaining('superblock is corrupt') }),
  );
  expect(lyingOn(ext)).toMatchObject([{ kind: 'ext' }]);
  // A header of LUKS1 has no checksum: what it says is told.
  expect(lyingOn(luks)).toMatchObject([{ kind: 'luks', geometry: { cipher: expect.stringMatching(/^a[^e]s-xts/) } }]);
  expect(lyingOn(label)).toMatchObject([
    { kind: 'unknown', signatures: [expect.stringContaining('LVM2_member')], sizeBytes: 64 << 20 },
  ]);
  expect(kinds(layout, 'pv')).toHaveLength(1);
  expect(lyingOn(member)).toMatchObject([{ kind: 'md', state: 'stopped', geometry: { level: 'raid1' } }]);
  expect(about(layout, member ?? '')).toContainEqual(
    expect.objectContaining({ problem: expect.stringContaining('checksum of its superblock is wrong') }),
  );
  expect(lyingOn(btrfs)).toMatchObject([{ kind: 'btrfs' }]);
  expect(about(layout, btrfs ?? '')).toContainEqual(
    expect.objectContaining({ problem: expect.stringContaining('superblock checksum mismatch') }),
  );
});

test('reads that come back changed', { timeout }, async () => {
  // Kernels before that of Debian 13 change nothing of what is read.
  await using lab = await made(`modprobe dm-flakey\n${healthy}${lying}`, ['A=512M', 'B=128M', 'C=128M'], 'debian13');
  const { stdout } = await lab.host.run(['dd', 'if=/dev/mapper/liar', 'bs=512', 'count=1', 'iflag=direct'], {}, signal);
  expect(stdout[0]).toBe(0xff);
  const layout = await captured(lab);
  expectHealthy(layout);
  const liar = layout.components.find((one) => one.kind === 'unknown' && one.device === '/dev/mapper/liar');
  expect(liar?.on).toEqual(['disk:A']);
  // Nothing is told as what it no longer looks like.
  expect(layout.components.filter(({ on }) => on.includes(liar?.id ?? ''))).toMatchObject([
    { kind: 'unknown', rawType: 'data' },
  ]);
});

const lying = `
mkfs.xfs -q -f -m uuid=0b0f1a4e-0810-4000-8000-000000000003 "$A"
echo "0 $(blockdev --getsz "$A") flakey $A 0 0 60 5 corrupt_bio_byte 1 r 255 0" | dmsetup create liar
udevadm settle
`;

async function labPath(lab: Lab, name: string): Promise<string> {
  return (await lab.host.run(['cat', `/run/at-${name}`], {}, signal)).stdout.toString().trim();
}

/** Partitions, each with its metadata and one byte or sector of it changed; the primary header of their table is zeroed at the end. */
const damaged = `
sfdisk --quiet --label gpt "$A" <<END
size=64M
size=64M
size=64M
size=64M
size=128M
END
udevadm settle
flip() { printf '\\377' | dd of="$1" bs=1 seek="$2" conv=notrunc,fsync status=none; }
mkfs.ext4 -q -F "$(part "$A" 1)"
for n in 1 2 3 4 5; do part "$A" "$n" > "/run/at-$n"; done
printf 'correct horse' | cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 "$(part "$A" 2)" -
pvcreate --quiet "$(part "$A" 3)"
mdadm --create /dev/md/one --run --force --level=1 --raid-devices=1 --bitmap=none --metadata=1.2 --homehost=builder "$(part "$A" 4)"
mdadm --stop /dev/md/one
mkfs.btrfs -q -f "$(part "$A" 5)"
udevadm settle
# Of ext the number of inodes in a group; of LUKS the name of its cipher; of LVM a byte of its label; of md a byte that has a meaning only while it is reshaped, of btrfs one behind its label.
flip "$(part "$A" 1)" 1064
flip "$(part "$A" 2)" 9
flip "$(part "$A" 3)" 530
flip "$(part "$A" 4)" 4196
flip "$(part "$A" 5)" 65935
dd if=/dev/zero of="$A" bs=512 seek=1 count=1 conv=notrunc,fsync status=none
udevadm settle
`;
