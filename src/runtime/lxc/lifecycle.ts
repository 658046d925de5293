/** Checkpoint and restore by LXC's own tools, for only they know how to make the container's surroundings again. Its configuration and its root stay where they are. */
import { join } from 'node:path/posix';
import type { Argv, Host } from '../../host/host.ts';
import { anyCode } from '../../host/any-code.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { pack } from '../checkpoint/archive.ts';
import { afterRemoval } from '../checkpoint/explained.ts';
import { pidOf } from '../checkpoint/pid.ts';
import { cgroupsCalled, removeCgroups } from '../checkpoint/residues.ts';
import { criuSettings, ofConnections, searching, unsayable } from '../checkpoint/settings.ts';
import { runSilently } from '../checkpoint/silent.ts';
import { type Definition, keepDefinition, refuseChanged, renamed, wholeImages } from '../checkpoint/staying.ts';
import { undoing } from '../checkpoint/torn.ts';
import type { Lifecycle, Tcp } from '../lifecycle.ts';
import type { Container } from '../model/container.ts';
import { last, parseConfig } from './config.ts';
import { parseInfo, place } from './place.ts';

const workMs = 600_000;
const questionMs = 30_000;
const stopMs = 10_000;

export const lxcLifecycle: Lifecycle = {
  takes: 'tree',
  async obstacles(host, container, { leaveRunning, watched = [] }, signal) {
    const found = [...unsayable(watched), ...(await unrestorable(host, container, signal))];
    if (!leaveRunning) found.push(...(await ephemeral(host, container, signal)));
    return found;
  },
  async checkpoint(host, container, { archive, work, leaveRunning, tcp, watched = [] }, signal) {
    const tree = join(work, 'tree');
    const images = join(tree, 'checkpoint');
    await host.run(['mkdir', '-p', '--', images], {}, signal);
    await keepDefinition(host, definitionOf(container), tree, signal);
    const env = await criuSettings(host, work, [...ofConnections(tcp), ...searching(watched)], signal);
    const argv: Argv = [
      ...tool('checkpoint', container.name),
      // Whether CRIU has come to its end is only in a log that says all.
      '--verbose',
      '--checkpoint-dir',
      images,
      ...(leaveRunning ? [] : ['--stop']),
    ];
    const again = async (): Promise<void> => {
      const { signal: own } = new AbortController();
      // What is left of it may be all that the disk has no room for.
      await host.run(['rm', '-f', '--', archive], {}, own);
      await lxcLifecycle.resume(host, container, { archive, work, ...(tcp === undefined ? {} : { tcp }) }, own);
    };
    const made = async (): Promise<void> => {
      await host.run(argv, { env, timeoutMs: workMs, killGraceMs: stopMs }, signal);
      await pack(host, tree, archive, signal);
    };
    await undoing(host, { pid: pidOf(container), work, log: join(images, 'dump.log'), again }, made, signal);
  },
  async resume(host, container, { work, tcp }, signal) {
    const look = `lxc-info --name ${container.name}; if it is frozen, lxc-unfreeze --name ${container.name}`;
    await restoreFrom(host, container, await wholeImages(host, container, work, look, signal), work, tcp, signal);
  },
  async missing(host, { container, name }, signal) {
    const found = [...renamed('LXC', container, name)];
    for (const path of [definitionOf(container).path, container.rootfs?.path ?? place]) {
      const { code } = await host.run(['test', '-e', path], { okCodes: [0, 1] }, signal);
      if (code !== 0)
        found.push(`${path} is not here: bring back the container's files first, such as by "lifeboat restore"`);
    }
    const { code, stdout } = await host.run(
      [...tool('info', container.name), '--state'],
      { okCodes: [0, 1], timeoutMs: questionMs },
      signal,
    );
    if (code === 0 && parseInfo(stdout.toString()).state !== 'exited')
      found.push(`LXC runs ${container.name} already: end it first (lxc-stop --name ${container.name})`);
    return found;
  },
  before: async (host, { container }) => ({
    cgroups: [...(await cgroupsCalled(host, cgroupsOf(container)))],
    volumes: [],
  }),
  restoredAs: async ({ container }) => container.id,
  discard: async (host, { container }, { cgroups }) => await remove(host, container, new Set(cgroups)),
  async restore(host, { content, work, container, tcp }, signal) {
    await refuseChanged(host, definitionOf(container), content, signal);
    await restoreFrom(host, container, join(content, 'checkpoint'), work, tcp, signal);
    return container.id;
  },
  copies: {
    obstacles: ephemeral,
    bytes: async () => 1 << 20,
    // All that it has changed is in its root, which stays where it is.
    async copy(host, container, tree, signal) {
      await keepDefinition(host, definitionOf(container), tree, signal);
    },
    async make(host, { container, content }, signal) {
      await refuseChanged(host, definitionOf(container), content, signal);
      await lxcLifecycle.start(host, container, signal);
      return container.id;
    },
  },
  async start(host, { name }, signal) {
    await runSilently(host, tool('start', name), { output: '/dev/null' }, { timeoutMs: workMs }, signal);
  },
  async stop(host, { name }, signal) {
    // It ends it by force itself after a minute; with 2 where it had ended by then.
    await host.run(tool('stop', name), { okCodes: [0, 2], timeoutMs: workMs }, signal);
  },
};

/** LXC would remove it as soon as it has ended. */
async function ephemeral(host: Host, container: Container, signal: AbortSignal): Promise<readonly string[]> {
  const config = await host.read(definitionOf(container).path, {}, signal);
  return last(parseConfig(config.toString()), 'lxc.ephemeral') === '1'
    ? ['it is ephemeral, so that LXC removes it when it ends: set lxc.ephemeral = 0 and start it anew']
    : [];
}

/** LXC binds the root where CRIU looks for it, and does no more: one that is put together of others would be missing. */
async function unrestorable(host: Host, { rootfs }: Container, signal: AbortSignal): Promise<readonly string[]> {
  const { driver, path } = rootfs ?? {};
  if (path !== undefined) {
    if (driver === undefined || driver === 'btrfs') return [];
    const { code } = await host.run(['test', '-b', path], { okCodes: [0, 1] }, signal);
    if (code === 0) return [];
  }
  return [
    `its root is none that LXC could restore (${driver ?? 'nobody says where it is'}): a directory or a block device is`,
  ];
}

/** The monitor of one that has just ended may be there for a moment. @throws LifeboatError `refused` where it runs: somebody has started it since */
async function waitUntilStopped(host: Host, { name }: Container, signal: AbortSignal): Promise<void> {
  const argv: Argv = [...tool('wait', name), '--state', 'STOPPED', '--timeout', String(stopMs / 1_000)];
  const { code } = await host.run(argv, { okCodes: anyCode, timeoutMs: questionMs }, signal);
  if (code === 0) return;
  throw new LifeboatError('refused', `LXC runs ${name} already, so that nothing was restored`, {
    hint: `End it first: lxc-stop --name ${name}`,
  });
}

async function restoreFrom(
  host: Host,
  container: Container,
  images: string,
  work: string,
  tcp: Tcp | undefined,
  signal: AbortSignal,
): Promise<void> {
  await waitUntilStopped(host, container, signal);
  const before = await cgroupsCalled(host, cgroupsOf(container));
  // Mounts as LXC makes them, shared by each other, are not brought back by the newer engine of CRIU (4.2).
  const env = await criuSettings(host, work, [...ofConnections(tcp), 'mntns-compat-mode'], signal);
  // LXC's monitor has it open for as long as the container runs, so that it is nowhere that somebody may want to unmount.
  const log = `/run/lifeboat-lxc-${container.name}.log`;
  const argv: Argv = [
    ...tool('checkpoint', container.name),
    '--logfile',
    log,
    '--logpriority',
    'ERROR',
    '--restore',
    '--daemon',
    '--verbose',
    '--checkpoint-dir',
    images,
  ];
  try {
    await runSilently(host, argv, { log }, { env, timeoutMs: workMs, killGraceMs: stopMs }, signal);
  } catch (error) {
    const undo = async () => await remove(host, container, before);
    throw await afterRemoval(host, error, [join(images, 'restore.log')], undo);
  } finally {
    await host.run(['rm', '-f', '--', log], {}, new AbortController().signal);
  }
}

/** What is there of it. @param before cgroups that were there before. @returns the others, with what ran in them */
async function remove(host: Host, container: Container, before: ReadonlySet<string>): Promise<readonly string[]> {
  const { signal } = new AbortController();
  const end: Argv = [...tool('stop', container.name), '--kill'];
  await host.run(end, { okCodes: [0, 1, 2], timeoutMs: questionMs }, signal);
  return await removeCgroups(host, cgroupsOf(container), before);
}

const tool = (verb: string, name: string) => [`lxc-${verb}`, '--lxcpath', place, '--name', name] as const;

const cgroupsOf = ({ name }: Container): readonly string[] => [`lxc.payload.${name}`, `lxc.monitor.${name}`];

const definitionOf = ({ name }: Container): Definition => ({ path: join(place, name, 'config'), kept: 'config' });
