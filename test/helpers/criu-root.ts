/**
 * A root filesystem with the newest CRIU of Debian, in mounts and a network of its own: what is done there nobody else sees, and it goes
 * with its holder. Processes have the numbers of this machine, as those of containers have for lifeboat.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { nativeProgram } from '../../src/native/addon.ts';
import type { CriuCommand } from '../../src/criu/options.ts';
import { unpackedPackages } from '../lab/packages.ts';
import { temporaryDirectory } from './temporary.ts';

const packages = ['criu', 'iproute2', 'iptables', 'nftables', 'util-linux', 'coreutils', 'mount', 'python3', 'dash'];

/** Why there can be none here; `undefined` where there can. */
export function criuObstacle(): string | undefined {
  const { status } = spawnSync('unshare', ['--mount', '--net', 'true']);
  return status === 0 ? undefined : 'needs the right to make namespaces of mounts and networks';
}

export interface CriuRoot extends AsyncDisposable {
  /** A process that has these mounts and this network. */
  readonly holder: number;
  /** Begins every command that is to run there. */
  readonly enter: readonly [string, ...string[]];
  readonly criu: CriuCommand;
  /** A directory that has the same path here and there. */
  readonly directory: string;
  /** Starts a process there, with nothing but /dev/null open. */
  start(argv: readonly string[]): Promise<ChildProcess & { readonly pid: number }>;
  /** Ends what was started. */
  end(): void;
}

/** What is not the same in all of them is given by paths: the tree, then what is seen at the same path. */
const script = `set -e
tree=$1; root=$2; shift
mount -t tmpfs tmpfs "$root"
mkdir "$root/usr" "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/etc" "$root/tmp" "$root/old"
for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
mount --bind "$tree/usr" "$root/usr"
mkdir "$root/tools"
for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
  ln -s /usr/sbin/xtables-nft-multi "$root/tools/$name"
done
for path in /proc /sys /dev; do mount --bind "$path" "$root$path"; done
mount -t devpts -o ptmxmode=0666 devpts "$root/dev/pts"
mount --bind "$root/dev/pts/ptmx" "$root/dev/ptmx"
first=$1; shift
for path in "$@"; do mkdir -p "$root$path"; mount --bind "$path" "$root$path"; done
ip link set lo up
cd "$first"
pivot_root . old
umount -l /old
echo
exec sleep infinity`;

/** @throws LifeboatError where the packages cannot be had */
export async function criuRoot(): Promise<CriuRoot> {
  const tree = await unpackedPackages('sid', packages);
  await using stack = new AsyncDisposableStack();
  const root = stack.use(await temporaryDirectory());
  const shared = stack.use(await temporaryDirectory());
  const programs = dirname(nativeProgram('criu-probe'));
  const holder = spawn(
    'unshare',
    ['--mount', '--net', '--propagation', 'private', 'sh', '-c', script, 'sh', tree, root.path, shared.path, programs],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  stack.defer(async () => {
    if (!isAlive(holder)) return;
    holder.kill('SIGKILL');
    await once(holder, 'exit');
  });
  await Promise.race([
    once(holder.stdout, 'data'),
    once(holder, 'exit').then(() => {
      throw new Error('the root with CRIU could not be made');
    }),
  ]);
  const enter = ['nsenter', `--target=${holder.pid}`, '--mount', '--net'] as const;
  const started: ChildProcess[] = [];
  const end = (): void => {
    for (const child of started.splice(0)) if (isAlive(child)) process.kill(-(child.pid ?? 0), 'SIGKILL');
  };
  stack.defer(end);
  const kept = stack.move();
  return {
    holder: holder.pid ?? 0,
    enter: [...enter],
    criu: [...enter, 'env', 'PATH=/tools:/usr/sbin:/usr/bin', 'criu'],
    directory: shared.path,
    end,
    async start(argv) {
      const silent = ['dash', '-c', 'exec "$@" </dev/null >/dev/null 2>&1', 'dash'];
      const child = spawn(enter[0], [...enter.slice(1), ...silent, ...argv], { stdio: 'ignore', detached: true });
      started.push(child);
      await once(child, 'spawn');
      const { pid } = child;
      if (pid === undefined) throw new Error('it has no pid');
      return Object.assign(child, { pid });
    },
    [Symbol.asyncDispose]: async () => await kept.disposeAsync(),
  };
}

function isAlive({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}
