/**
 * Checkpoint into a file and restore of a container with 256 MiB of memory, 50 MiB of which are written to each second, which somebody asks over TCP
 * and UDP all the time: against podman's own commands, and against runc with tar; and how fast images get into a repository.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Argv } from '../../src/host/host.ts';
import { type CheckpointHost, checkpointHost } from '../helpers/checkpoint-host.ts';
import { bundle, shell, silently } from '../helpers/container-programs.ts';
import { asked, inNetwork, network, prepareWorkload, stateOf, withTmpfs } from '../helpers/workload.ts';

const { signal } = new AbortController();
const rounds = 3;
const [name, file, port] = ['work', '/srv/work.tar', 7000];
const program = ['workload', String(port), '256', '50', '/tmp'] as const;

interface Runtime {
  readonly start: readonly Argv[];
  readonly remove: Argv;
}

interface Way {
  readonly stays: Argv;
  readonly ends: Argv;
  readonly restore: Argv;
}

interface Times {
  /** Longest time without an answer, while a checkpoint was made of a container that runs on. */
  readonly frozenMs: number;
  readonly checkpointMs: number;
  readonly restoreMs: number;
}

const podman: Runtime = {
  start: [
    shell('podman image exists work || tar -C /ct/rootfs -c . | podman import - localhost/work >/dev/null 2>&1'),
    silently(`podman run -d --name ${name} --network ns:${network} --tmpfs /tmp localhost/work ${program.join(' ')}`),
  ],
  remove: ['podman', 'rm', '--force', '--ignore', '--time', '0', name],
};
const podmanWay: Way = {
  stays: shell(`podman container checkpoint -e ${file} --tcp-established --leave-running ${name} && sync ${file}`),
  ends: shell(`podman container checkpoint -e ${file} --tcp-established ${name} && sync ${file}`),
  restore: silently(`podman container restore -i ${file} --tcp-established`),
};

const runc: Runtime = {
  start: [bundle(name, program, [inNetwork, withTmpfs]), silently(`runc run -d -b /ct/${name} ${name}`)],
  remove: shell(`runc delete --force ${name} 2>/dev/null || :`),
};
const runcDump = (more: string): Argv =>
  shell(
    `mkdir /srv/images && runc checkpoint --tcp-established --file-locks --image-path /srv/images --work-path /srv/images ${more} ${name} && tar -C /srv/images -cf ${file} . && rm -r /srv/images && sync ${file}`,
  );
const runcWay: Way = {
  stays: runcDump('--leave-running'),
  ends: runcDump(''),
  restore: silently(
    `mkdir /srv/images && tar -C /srv/images -xf ${file} && runc restore -d --tcp-established --file-locks -b /ct/${name} --image-path /srv/images --work-path /srv/images ${name} && rm -r /srv/images`,
  ),
};

export async function checkpoints(): Promise<void> {
  await using host = await checkpointHost();
  await prepareWorkload(host);
  // As lifeboat has it: the other way to lock a network needs modules of the kernel.
  await host.run(shell('mkdir -p /etc/criu && echo network-lock nftables > /etc/criu/runc.conf'), {}, signal);
  const ours: Way = {
    stays: [...host.lifeboatArgv, 'container', 'checkpoint', name, '--output', file, '--tcp=keep', '--leave-running'],
    ends: [...host.lifeboatArgv, 'container', 'checkpoint', name, '--output', file, '--tcp=keep'],
    restore: [...host.lifeboatArgv, 'container', 'restore', file, '--unsigned'],
  };
  await against(host, 'podman container checkpoint -e, restore -i', podman, ours, podmanWay, {
    total: 0.5,
    frozen: 0.7,
  });
  await against(host, 'runc, CRIU and tar', runc, ours, runcWay, { total: 1.1 });
  await intoRepository(host);
}

interface Aims {
  readonly total: number;
  readonly frozen?: number;
}

async function against(host: CheckpointHost, peer: string, runtime: Runtime, ours: Way, other: Way, aims: Aims) {
  const pairs: { readonly ours: Times; readonly peer: Times }[] = [];
  await round(host, runtime, ours);
  await round(host, runtime, other);
  for (let pair = 0; pair < rounds; pair++)
    pairs.push({ ours: await round(host, runtime, ours), peer: await round(host, runtime, other) });
  tell(peer, 'frozen', pairs, ({ frozenMs }) => frozenMs, aims.frozen);
  tell(peer, 'checkpoint', pairs, ({ checkpointMs }) => checkpointMs);
  tell(peer, 'restore', pairs, ({ restoreMs }) => restoreMs);
  tell(peer, 'total', pairs, ({ checkpointMs, restoreMs }) => checkpointMs + restoreMs, aims.total);
}

async function round(host: CheckpointHost, { start, remove }: Runtime, way: Way): Promise<Times> {
  for (const argv of start) await host.run(argv, {}, signal);
  await until(host);
  const client = await asked(host, port);
  await timed(host, way.stays);
  const { tcp, udp } = await client.end();
  await closed();
  await host.run(['rm', '-f', '--', file], {}, signal);
  const checkpointMs = await timed(host, way.ends);
  await host.run(remove, {}, signal);
  const restoreMs = await timed(host, way.restore);
  const { wrong } = await stateOf(host, port);
  if (tcp.wrong + udp.wrong + (wrong ?? 1) > 0) throw new Error('the container did not go on as it was');
  await host.run(remove, {}, signal);
  await host.run(['rm', '-rf', '--', file], {}, signal);
  return { frozenMs: Math.max(tcp.longestMs, udp.longestMs), checkpointMs, restoreMs };
}

async function until(host: CheckpointHost): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await stateOf(host, port);
      await closed();
      return;
    } catch (error) {
      if (tries === 50) throw error;
    }
  }
}

/** Who asked has ended: its connection is closed by either end then, which no peer waits for. */
async function closed(): Promise<void> {
  await sleep(300);
}

/** Wall time in milliseconds. */
async function timed(host: CheckpointHost, argv: Argv, okCodes: readonly number[] = [0]): Promise<number> {
  const began = performance.now();
  await host.run(argv, { timeoutMs: 300_000, okCodes }, signal);
  return performance.now() - began;
}

/** A container of runc that runs on, with 1 GiB of memory. */
async function intoRepository(host: CheckpointHost): Promise<void> {
  const mib = 1024;
  await host.run(
    bundle(name, ['workload', String(port), String(mib), '0', '/tmp'], [inNetwork, withTmpfs]),
    {},
    signal,
  );
  await host.run(silently(`runc run -d -b /ct/${name} ${name}`), {}, signal);
  await until(host);
  const own = [...host.lifeboatArgv, '--config', '/srv/own/lifeboat.yaml'] as const;
  const init = ['init', '--repository', 'file:///srv/repository', '--host', 'box', '--include', '/ct'] as const;
  await host.run([...own, ...init], {}, signal);
  const ms = await timed(host, [...own, 'container', 'checkpoint', name, '--tcp=keep'], [0, 4]);
  console.log(
    `checkpoint into a repository, encrypted, read back: ${mib} MiB in ${(ms / 1000).toFixed(1)} s, ${((mib / ms) * 1000).toFixed(0)} MiB/s`,
  );
  await host.run(runc.remove, {}, signal);
}

function tell(
  peer: string,
  what: string,
  pairs: readonly { readonly ours: Times; readonly peer: Times }[],
  of: (times: Times) => number,
  aim?: number,
): void {
  const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
  const ratio = median(pairs.map((pair) => of(pair.ours) / of(pair.peer)));
  const [ours, theirs] = [median(pairs.map((pair) => of(pair.ours))), median(pairs.map((pair) => of(pair.peer)))];
  const aimed = aim === undefined ? '' : ` (aimed at ${aim} or less)`;
  console.log(
    `checkpoint, ${what}: ${ours.toFixed(0)} ms against ${theirs.toFixed(0)} ms (${peer}): ratio ${ratio.toFixed(2)}${aimed}, ${pairs.length} pairs`,
  );
}
