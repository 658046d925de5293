/** The machine's root, what is mounted below it, and what its fstab says. Needs a mount namespace of its own. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask, type Command, run, within } from './commands.ts';
import { device, disks } from './disks.ts';
import { uuid } from './ids.ts';

/** Blank, newline, quote, backslash, umlaut, a byte that is not UTF-8, and a sequence that colours a terminal. */
const oddName = Buffer.concat([Buffer.from('na me\nnew"q\\x41ä'), Buffer.from([0xff]), Buffer.from('\u001b[31m')]);

const fstab = `# /etc/fstab: what the machine mounts
UUID=${uuid(0x304)} / ext4 errors=remount-ro,discard 0 1
LABEL=boot /boot ext2 defaults,nodev 0 2
PARTUUID=${uuid(0x102)} /boot/efi vfat umask=0077,shortname=winnt,nofail 0 1
PARTLABEL=data\t/srv/data\\040store\txfs\tnoatime,x-systemd.growfs 0 0
/dev/disk/by-label/tank\\x201 /tank btrfs subvol=/@,compress=zstd:3,autodefrag 0 0
UUID="${uuid(0x307)}" /home btrfs subvol=@home 0 0
${device('bare')} /opt ext4 ro 0 2
/dev/disk/by-uuid/${uuid(0x306)} none swap sw,pri=5,discard 0 0
/swap\\040file none swap defaults 0 0
tmpfs /tmp tmpfs size=64m,mode=1777 0 0
/srv/data\\040store /srv/bind none bind,x-systemd.requires-mounts-for=/srv 0 0
nas.example.net:/export/a\\040b /mnt/nfs nfs4 noauto,soft,timeo=50,_netdev 0 0
//files.example.net/share /mnt/cifs cifs noauto,credentials=/etc/cifs.secret,uid=1000 0 0
/dev/vg-a/home-1 /mnt/volume ext4 noauto,nofail 0 0
LABEL=not-there /mnt/absent xfs nofail,x-systemd.device-timeout=5s
overlay /mnt/overlay overlay noauto,lowerdir=/srv/lower,upperdir=/srv/upper,workdir=/srv/work 0 0
`;

/** The places that every program expects, private to this namespace: no node of a device that is not ours. */
export function mountKernel(root: string): void {
  run(['mount', '-t', 'proc', '-o', 'nosuid,nodev,noexec', 'proc', join(root, 'proc')]);
  run(['mount', '-t', 'sysfs', '-o', 'nosuid,nodev,noexec', 'sysfs', join(root, 'sys')]);
  run(['mount', '-t', 'tmpfs', '-o', 'nosuid,noexec,mode=755,size=1m', 'udev', join(root, 'dev')]);
  const nodes: Readonly<Record<string, string>> = { null: '3', zero: '5', full: '7', random: '8', urandom: '9' };
  for (const [name, minor] of Object.entries(nodes)) {
    run(['mknod', '-m', '666', join(root, 'dev', name), 'c', '1', minor]);
  }
  run(['mknod', '-m', '600', join(root, 'dev/btrfs-control'), 'c', '10', '234']);
  for (const [link, target] of Object.entries({ fd: '', stdin: '/0', stdout: '/1', stderr: '/2' })) {
    run(['ln', '-s', `/proc/self/fd${target}`, join(root, 'dev', link)]);
  }
  run(['mount', '-t', 'tmpfs', '-o', 'nosuid,nodev,mode=755,size=8m', 'tmpfs', join(root, 'run')]);
  // The same for us: a mount is recorded by the name of its device as it was given, and no other disk can be opened.
  run(['mount', '--bind', join(root, 'dev'), '/dev']);
  for (const path of ['run/lock', 'run/lvm', 'run/cryptsetup', 'dev/shm'])
    mkdirSync(join(root, path), { recursive: true });
}

/** Only our disks, and those that are to be seen without being readable, as the kernel shows block devices. */
export function maskDisks(root: string, shown: readonly string[]): void {
  const block = join(root, 'sys/block');
  const ours = Object.values(disks).map(({ loop }) => `loop${loop}`);
  const links = [...ours, ...shown].map((name): [string, string] => {
    return [name, run(['readlink', join(block, name)]).trim()];
  });
  run(['mount', '-t', 'tmpfs', '-o', 'mode=755,size=64k', 'sysfs', block]);
  for (const [name, target] of links) run(['ln', '-s', target, join(block, name)]);
  run(['mount', '-o', 'remount,ro', block]);
}

/** Copies a tree to the root's filesystem and mounts that: `place` is the root of the machine from there on. */
export function mountRoot(tree: string, place: string, hostname: string): void {
  mkdirSync(place, { recursive: true });
  run(['mount', '-t', 'ext4', device('gpt', 4), place]);
  run(['cp', '--archive', '--one-file-system', `${tree}/.`, place]);
  for (const name of ['proc', 'sys', 'dev', 'run']) {
    run(['mount', '--move', join(tree, name), join(place, name)]);
  }
  writeFileSync(join(place, 'etc/fstab'), fstab);
  writeFileSync(join(place, 'etc/hostname'), `${hostname}\n`);
  writeFileSync(join(place, 'etc/machine-id'), `${uuid(1).replaceAll('-', '')}\n`);
  writeFileSync(join(place, 'etc/cifs.secret'), 'username=u\npassword=p\n', { mode: 0o600 });
}

export function mountOthers(root: string): void {
  const inside = (...command: Command) => run(within(root, command));
  const mount = (source: string, target: string, ...options: readonly string[]) => {
    inside('mkdir', '-p', target);
    inside('mount', ...options, source, target);
  };
  inside('mount', '-o', 'remount,errors=remount-ro,discard', '/');
  mount(device('gpt', 3), '/boot', '-t', 'ext2', '-o', 'nodev');
  mount(device('gpt', 5), '/srv/data store', '-t', 'xfs', '-o', 'noatime');
  mount('/srv/data store', '/srv/bind', '--bind');
  mountBtrfs(inside, mount);
  mount(device('bare'), '/opt', '-t', 'ext4', '-o', 'ro');
  mount(device('native4k', 3), '/mnt/quota', '-t', 'ext4', '-o', 'ro');
  mount(device('native4k', 2), '/mnt/xfs4k', '-t', 'xfs');
  mount('tmpfs', '/tmp', '-t', 'tmpfs', '-o', 'size=64m,mode=1777');
  inside('mkdir', '-p', '/srv/lower', '/srv/upper', '/srv/work', '/srv/lower/deep', '/srv/upper/deep');
  mount('overlay', '/mnt/overlay', '-t', 'overlay', '-o', 'lowerdir=/srv/lower,upperdir=/srv/upper,workdir=/srv/work');
  inside('mksquashfs', '/etc/default', device('image'), '-noappend', '-quiet', '-no-progress');
  mount(device('image'), '/mnt/image', '-t', 'squashfs', '-o', 'ro');
  // A shell, for argv of this program cannot hold every byte.
  const odd = Buffer.concat([Buffer.from('d="/mnt/'), escaped(oddName), Buffer.from('"; mkdir -p "$d"; ')]);
  const script = Buffer.concat([
    odd,
    Buffer.from(`mount -t ext3 ${device('gpt', 12)} "$d"; mount --bind "$d" /srv/lower/deep`),
  ]);
  run(within(root, ['sh', '-es']), script);
}

/** For double quotes of a shell. */
function escaped(name: Buffer): Buffer {
  return Buffer.from(name.toString('latin1').replaceAll(/["\\$`]/g, '\\$&'), 'latin1');
}

type Mount = (source: string, target: string, ...options: readonly string[]) => void;

function mountBtrfs(inside: (...command: Command) => string, mount: Mount): void {
  inside('btrfs', 'device', 'scan', device('gpt', 7), device('mbr', 6));
  mount(device('gpt', 7), '/mnt/top', '-t', 'btrfs', '-o', 'subvolid=5');
  for (const name of ['@', '@home', '@home/cache', '@home/cache/deep er', 'snap']) {
    inside('btrfs', 'subvolume', 'create', `/mnt/top/${name}`);
  }
  inside('btrfs', 'subvolume', 'snapshot', '-r', '/mnt/top/@home', '/mnt/top/snap/home 1');
  inside('btrfs', 'subvolume', 'snapshot', '/mnt/top/@', '/mnt/top/snap/writable');
  inside('btrfs', 'subvolume', 'create', '/mnt/top/@/vm');
  inside('chattr', '+C', '/mnt/top/@/vm');
  inside('btrfs', 'property', 'set', '/mnt/top/@home', 'compression', 'zstd');
  const id = /\b(\d+)\b/.exec(inside('btrfs', 'inspect-internal', 'rootid', '/mnt/top/@'))?.[1] ?? '';
  inside('btrfs', 'subvolume', 'set-default', id, '/mnt/top');
  inside('btrfs', 'quota', 'enable', '/mnt/top');
  inside('btrfs', 'qgroup', 'create', '1/7', '/mnt/top');
  inside('btrfs', 'qgroup', 'limit', '64M', '1/7', '/mnt/top');
  inside('btrfs', 'qgroup', 'limit', '-e', '32M', `0/${id}`, '/mnt/top');
  inside('btrfs', 'qgroup', 'assign', '--no-rescan', `0/${id}`, '1/7', '/mnt/top');
  inside('btrfs', 'quota', 'rescan', '-w', '/mnt/top');
  mount(device('gpt', 7), '/tank', '-t', 'btrfs', '-o', 'subvol=@,compress=zstd:3');
  mount(device('gpt', 7), '/home', '-t', 'btrfs', '-o', 'subvol=@home');
  mount(device('native4k', 4), '/mnt/mixed', '-t', 'btrfs');
}

/**
 * The kernel remembers each device of a btrfs that it has seen, and would take those of the next machine for the same
 * filesystem. Only ours are forgotten.
 */
export function forgetBtrfs(root: string): void {
  const inside = (...command: Command) => ask(within(root, command));
  for (const path of ['/home', '/tank', '/mnt/top', '/mnt/mixed']) inside('umount', path);
  inside('btrfs', 'device', 'scan', '--forget', device('gpt', 7), device('mbr', 6), device('native4k', 4));
}

/** Swap is the kernel's, not a namespace's: who calls this owes {@link swapOff}, whatever happens. */
export function swapOn(root: string): void {
  const inside = (...command: Command) => run(within(root, command));
  inside('dd', 'if=/dev/zero', 'of=/swap file', 'bs=1M', 'count=8', 'status=none');
  inside('chmod', '600', '/swap file');
  inside('mkswap', '-U', uuid(0x3f0), '/swap file');
  inside('swapon', '-p', '5', device('gpt', 6));
  inside('swapon', '/swap file');
}

export function swapOff(root: string): void {
  const inUse = ask(within(root, ['cat', '/proc/swaps'])).stdout;
  if (inUse.includes(device('gpt', 6))) run(within(root, ['swapoff', device('gpt', 6)]));
  if (inUse.includes('/swap\\040file')) run(within(root, ['swapoff', '/swap file']));
}
