/** The root for containers of the other tests in a machine of its own, whose kernel has cgroups of version 2 and tells which memory was written to. */
import { cp, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Argv, Host } from '../../src/host/host.ts';
import { readByCommand, writeByCommands } from '../../src/host/by-commands.ts';
import { type CheckpointHost, checkpointHostOf } from '../helpers/checkpoint-host.ts';
import { output } from '../helpers/child-process.ts';
import { containerTrees, furnish } from '../helpers/container-host.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { addProgram, program, programPlace } from './program.ts';
import { startSystem } from './system.ts';

const diskBytes = 1024 ** 3;
const limitMs = 600_000;

export async function containerSystem(signal: AbortSignal): Promise<CheckpointHost> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory()).path;
  const lab = stack.use(await startSystem({ memoryMiB: 3072, cpus: 2 }, signal));
  await addProgram(lab.machine, lab.host, directory, signal);
  await lab.machine.addDisk({ file: await treeDisk(directory), format: 'raw', serial: 'TREE', bus: 'scsi' }, signal);
  await lab.host.run(['sh', '-ec', start, 'sh', inside], { timeoutMs: limitMs }, signal);
  const holder = (await lab.host.read('/run/holder', {}, signal)).toString().trim();
  const enter = (argv: Argv): Argv => [
    ...(['nsenter', `--target=${holder}`, '--mount', '--root', '--wdns=/'] as const),
    ...(['env', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root'] as const),
    ...argv,
  ];
  const owned = stack.move();
  const host: Host = {
    name: 'containers in a machine',
    run: (argv, options, signal) => lab.host.run(enter(argv), options, signal),
    stream: (argv, options, signal) => lab.host.stream(enter(argv), options, signal),
    read: (path, options, signal) => readByCommand(host, path, options, signal),
    write: (path, data, options, signal) => writeByCommands(host, path, data, options, signal),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
  return await checkpointHostOf(host, program, `${programPlace}/native/build/criu-probe`);
}

/** CRIU asks for sockets by modules that it cannot load from in there. */
const start = `
  modprobe --all tcp_diag udp_diag unix_diag netlink_diag af_packet_diag raw_diag nf_tables overlay veth
  until [ -e /dev/disk/by-label/tree ]; do sleep 0.2; done
  mkdir -p /run/tree
  setsid unshare --mount --propagation private sh -ec "$1" </dev/null >/run/holder.log 2>&1 &
  for i in $(seq 300); do [ -s /run/holder ] && exit; sleep 0.2; done
  cat /run/holder.log >&2; exit 1`;

const inside = `root=/run/tree
  mount LABEL=tree "$root"
  mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/tmp" "$root/old" "$root${programPlace}" "$root/var/tmp"
  for d in proc sys dev; do mount --rbind "/$d" "$root/$d"; done
  for d in run tmp var/tmp; do mount -t tmpfs none "$root/$d"; done
  mount --bind ${programPlace} "$root${programPlace}"
  ${furnish}
  echo $$ > /run/holder
  cd "$root"; pivot_root . old; umount -l /old; rmdir /old
  exec /usr/bin/sleep infinity`;

/** The image of an ext4 called `tree`, in this directory. */
async function treeDisk(directory: string): Promise<string> {
  await using work = await temporaryDirectory();
  const trees = await containerTrees({ criu: true });
  const options = { recursive: true, verbatimSymlinks: true, force: true };
  for (const tree of trees.toReversed()) await cp(tree, work.path, options);
  const file = join(directory, 'tree');
  await using image = await open(file, 'w');
  await image.truncate(diskBytes);
  await output('/usr/sbin/mke2fs', '-q', '-t', 'ext4', '-L', 'tree', '-d', work.path, file);
  return file;
}
