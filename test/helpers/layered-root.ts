/** This machine's root with everything that is written to it kept in a layer of its own, in a mount namespace of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root as checkout, isRoot } from './cli.ts';
import { endProcess } from './child-process.ts';
import { temporaryDirectory } from './temporary.ts';

const setUp = `set -e
base=$1 script=$2; shift 2
mount -t tmpfs none "$base/layer"
mkdir "$base/layer/upper" "$base/layer/work"
mount -t overlay -o lowerdir=/,upperdir="$base/layer/upper",workdir="$base/layer/work" none "$base/root"
mount -t proc none "$base/root/proc"
mount --rbind /dev "$base/root/dev"
mkdir -p "$base/root/run"; mount -t tmpfs none "$base/root/run"
options=ro
for dir; do
  if test "$dir" = --; then options=rw; continue; fi
  mkdir -p "$base/root$dir"; mount --rbind -o $options "$dir" "$base/root$dir"
done
exec chroot "$base/root" sh -c "$script"`;

/** Why there can be none here. */
export function layerObstacle(): string | undefined {
  if (!isRoot) return 'needs root';
  return readFileSync('/proc/filesystems', 'utf8').includes('overlay') || existsSync('/sys/module/overlay')
    ? undefined
    : 'no overlayfs';
}

/**
 * The command line that runs a script of the shell in there; nothing of it is seen outside or left over.
 *
 * @param base an empty directory
 * @param shared directories that are the same inside as outside, each a mount of its own
 */
export function layeredArgv(base: string, script: string, shared: readonly string[] = []): [string, ...string[]] {
  for (const name of ['layer', 'root']) mkdirSync(join(base, name));
  const readOnly = [checkout, dirname(process.execPath)];
  return ['unshare', '--mount', 'sh', '-c', setUp, 'sh', base, script, ...readOnly, '--', ...shared];
}

export interface LayeredRoot extends AsyncDisposable {
  /** As seen from outside. */
  readonly path: string;
  /** What to put before a command line to run it in there. */
  readonly enter: readonly string[];
}

export async function layeredRoot(shared: readonly string[]): Promise<LayeredRoot> {
  await using stack = new AsyncDisposableStack();
  const base = stack.use(await temporaryDirectory()).path;
  // It ends with this process too, however that does: then nobody writes to it any more.
  const [program, ...args] = layeredArgv(base, 'echo ready; exec cat', shared);
  const holder = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  stack.defer(() => endProcess(holder));
  await Promise.race([
    once(holder.stdout, 'data'),
    once(holder, 'exit').then(() => {
      throw new Error('no layered root');
    }),
  ]);
  const path = `/proc/${holder.pid}/root`;
  const enter = ['nsenter', `--mount=/proc/${holder.pid}/ns/mnt`, `--root=${path}`, '--wd=/'];
  const owned = stack.move();
  return { path, enter, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
