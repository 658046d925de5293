/**
 * A Debian root with runc, crun and podman, in namespaces of its own for mounts, processes, network and cgroups: at native speed, and nothing of
 * it is seen outside but one cgroup in each hierarchy, which goes with it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { readByCommand, writeByCommands } from '../../src/host/by-commands.ts';
import type { Argv, Host } from '../../src/host/host.ts';
import { localHost } from '../../src/host/local.ts';
import { unpackedPackages } from '../lab/packages.ts';
import { output } from './child-process.ts';
import { isRoot } from './cli.ts';
import { temporaryDirectory } from './temporary.ts';

const packages = [
  'bash',
  'busybox-static',
  'coreutils',
  'crun',
  'findutils',
  'grep',
  'iproute2',
  'mount',
  'podman',
  'runc',
  'sed',
  'util-linux',
];

/** Debian 13's own CRIU dumps no socket on newer kernels: that of sid lies over its tree, with the libraries that it needs. */
const criuPackages = ['criu', 'libcriu2', 'iptables'];

/** For CRIU, which packs tmpfs by them, and for what runs there beside it: lifeboat itself, with the Node of this machine. */
const besideCriu = ['dash', 'gzip', 'libstdc++6', 'nftables', 'tar'];

/** Why there can be none here; `undefined` where there can. */
export function containerObstacle(): string | undefined {
  if (!isRoot) return 'needs root';
  if (!readFileSync('/proc/filesystems', 'utf8').includes('overlay')) return 'no overlayfs';
  if (!existsSync('/sys/fs/cgroup/memory/cgroup.procs')) return 'needs cgroups of version 1';
  const { status } = spawnSync('unshare', ['--mount', '--pid', '--fork', '--net', '--cgroup', 'true']);
  return status === 0 ? undefined : 'needs the right to make namespaces';
}

const setUp = `set -e
tree=$1 base=$2 name=$3 own=$4; shift 4
for c in /sys/fs/cgroup/*/; do
  c=$(basename "$c")
  mkdir -p "/sys/fs/cgroup/$c/$name"
  for f in cpuset.cpus cpuset.mems; do
    if test -f "/sys/fs/cgroup/$c/$f"; then cat "/sys/fs/cgroup/$c/$f" > "/sys/fs/cgroup/$c/$name/$f"; fi
  done
  echo $$ > "/sys/fs/cgroup/$c/$name/cgroup.procs"
done
# What CRIU restores is put below a cgroup of its own with a copy of all that was in the one that it was in: that is not to be the root.
test ! -d /sys/fs/cgroup/unified || mkdir -p "/sys/fs/cgroup/unified/$name/leaf"
exec unshare --mount --pid --fork --kill-child --net --uts --ipc --cgroup --propagation private sh -c "$own" sh "$tree" "$base" "$name" "$@"`;

/** What a bare tree of packages has not, in words of a shell that knows it as `$root`; and the root of containers with busybox in it. */
export const furnish = `mkdir -p "$root/etc/containers" "$root/var/tmp"
echo root:x:0:0:root:/root:/bin/sh > "$root/etc/passwd"; echo root:x:0: > "$root/etc/group"
echo '{"default":[{"type":"insecureAcceptAnything"}]}' > "$root/etc/containers/policy.json"
printf '[storage]\\ndriver="vfs"\\nrunroot="/run/containers/storage"\\ngraphroot="/var/lib/containers/storage"\\n' > "$root/etc/containers/storage.conf"
printf '[engine]\\ncgroup_manager="cgroupfs"\\nevents_logger="file"\\n' > "$root/etc/containers/containers.conf"
for d in bin dev etc proc run sys tmp; do mkdir -p "$root/ct/rootfs/$d"; done
cp "$root/usr/bin/busybox" "$root/ct/rootfs/bin/"
test -e "$root/usr/bin/sh" || ln -s bash "$root/usr/bin/sh"
for n in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
  if test -e "$root/usr/sbin/xtables-nft-multi"; then ln -sf xtables-nft-multi "$root/usr/sbin/$n"; fi
done
for a in sh sleep true nc cat; do ln -s busybox "$root/ct/rootfs/bin/$a"; done
`;

const inside = `set -e
tree=$1 base=$2 name=$3 root=$2/root; shift 3
test ! -d /sys/fs/cgroup/unified || echo $$ > "/sys/fs/cgroup/unified/$name/leaf/cgroup.procs"
mount -t tmpfs none "$base"
mkdir "$base/upper" "$base/work" "$root"
mount -t overlay -o "lowerdir=$tree,upperdir=$base/upper,workdir=$base/work" none "$root"
mkdir -p "$root/var/tmp"
mount -t proc none "$root/proc"
mount -t sysfs none "$root/sys"
mount -t tmpfs none "$root/sys/fs/cgroup"
for c in /sys/fs/cgroup/*/; do
  c=$(basename "$c"); test "$c" = unified && continue
  mkdir "$root/sys/fs/cgroup/$c"; mount --bind "/sys/fs/cgroup/$c/$name" "$root/sys/fs/cgroup/$c"
done
mount --rbind /dev "$root/dev"
for d in run tmp var/tmp; do mount -t tmpfs none "$root/$d"; done
${furnish}hostname trixie
ip link set lo up 2>/dev/null || :
for path in "$@"; do mkdir -p "$root$path"; mount --rbind "$path" "$root$path"; done
mkdir "$root/old"; cd "$root"; pivot_root . old; umount -l /old; rmdir /old
echo ready; exec /usr/bin/sleep infinity`;

export interface ContainerHostOptions {
  /** With CRIU of sid. @default false */
  readonly criu?: boolean;
  /** Packages of trixie besides. */
  readonly more?: readonly string[];
  /** Directories of this machine that are seen there at the same path. */
  readonly shared?: readonly string[];
}

/** The trees of which that root is made, the uppermost first. */
export async function containerTrees({
  criu = false,
  more = [],
}: Pick<ContainerHostOptions, 'criu' | 'more'>): Promise<readonly string[]> {
  const own = await unpackedPackages('trixie', [...packages, ...(criu ? besideCriu : []), ...more]);
  return criu ? [await unpackedPackages('sid', criuPackages), own] : [own];
}

/** It has a root directory for containers, with busybox, in `/ct/rootfs`. */
export async function containerHost({
  criu = false,
  more = [],
  shared = [],
}: ContainerHostOptions = {}): Promise<Host> {
  const tree = (await containerTrees({ criu, more })).join(':');
  await using stack = new AsyncDisposableStack();
  const base = stack.use(await temporaryDirectory()).path;
  const name = `lifeboat-test-${process.pid}-${Date.now()}`;
  stack.defer(() => removeCgroups(name));
  const holder = spawn('sh', ['-c', setUp, 'sh', tree, base, name, inside, ...shared], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(holder, 'exit');
  stack.defer(async () => {
    holder.kill('SIGKILL');
    await ended;
  });
  await Promise.race([
    once(holder.stdout, 'data'),
    ended.then(() => {
      throw new Error('no root for containers');
    }),
  ]);
  const first = (await output('cat', `/proc/${holder.pid}/task/${holder.pid}/children`)).trim();
  const namespaces = ['--mount', '--pid', '--net', '--uts', '--ipc', '--cgroup', '--root', '--wdns=/'];
  const env = ['env', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root'];
  // It has to be in the cgroups before it is in their namespace.
  const join = `for p in /sys/fs/cgroup/*/${name}/cgroup.procs /sys/fs/cgroup/*/${name}/leaf/cgroup.procs; do test ! -e "$p" || echo $$ > "$p"; done; exec "$@"`;
  const enter = (argv: Argv): Argv => [
    ...(['sh', '-c', join, 'sh', 'nsenter', `--target=${first}`] as const),
    ...namespaces,
    ...env,
    ...argv,
  ];
  const local = stack.use(localHost());
  const owned = stack.move();
  const host: Host = {
    name: 'containers',
    run: (argv, options, signal) => local.run(enter(argv), options, signal),
    stream: (argv, options, signal) => local.stream(enter(argv), options, signal),
    read: (path, options, signal) => readByCommand(host, path, options, signal),
    write: (path, data, options, signal) => writeByCommands(host, path, data, options, signal),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
  return host;
}

/** What was made below them, too; processes in them have ended. */
async function removeCgroups(name: string): Promise<void> {
  const script = `for i in 1 2 3 4 5 6 7 8 9 10; do
  find /sys/fs/cgroup/*/"$1" -depth -type d -exec rmdir {} + 2>/dev/null
  ls -d /sys/fs/cgroup/*/"$1" >/dev/null 2>&1 || exit 0
  sleep 0.2
done; exit 1`;
  await output('sh', '-c', script, 'sh', name);
}
