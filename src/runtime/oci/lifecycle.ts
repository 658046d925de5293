/** Checkpoint and restore by runc and crun. Both are told where the images go; the bundle stays where it is. */
import { dirname, join } from 'node:path/posix';
import { z } from 'zod';
import type { Argv, Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { sleep } from '../../kernel/wait.ts';
import { pack } from '../checkpoint/archive.ts';
import { afterRemoval } from '../checkpoint/explained.ts';
import { cgroupsCalled, removeCgroups, removeEmptyCgroups, unmountBelow } from '../checkpoint/residues.ts';
import { type Pass, passesIn } from '../checkpoint/passes.ts';
import { pidOf } from '../checkpoint/pid.ts';
import { runSilently } from '../checkpoint/silent.ts';
import { criuSettings, ofConnections, searching, unsayable } from '../checkpoint/settings.ts';
import { type Definition, keepDefinition, refuseChanged, wholeImages } from '../checkpoint/staying.ts';
import { undoing } from '../checkpoint/torn.ts';
import type { Lifecycle, Tcp } from '../lifecycle.ts';
import type { Container } from '../model/container.ts';

const terminalSchema = z.object({ process: z.object({ terminal: z.boolean().exactOptional() }).exactOptional() });

/** A runtime that hangs in a restore is a known thing: it gets as long as the longest that is sane. */
const workMs = 600_000;
const questionMs = 30_000;
const stopMs = 10_000;

export function ociLifecycle(name: 'runc' | 'crun'): Lifecycle {
  return {
    takes: 'tree',
    passes: true,
    async obstacles(host, container, { tcp, watched = [] }, signal) {
      const { namespaces } = container;
      const found = [...(await strangeness(host, name, container, signal))];
      found.push(...unsayable(watched));
      if (name === 'runc' && tcp === 'keep' && namespaces.some(({ type, from }) => type === 'net' && from === 'own')) {
        found.push(
          "runc restores a network of the container's own empty, so that no connection can be kept in it: close them, or give the network namespace a path",
        );
      }
      return found;
    },
    async checkpoint(host, container, { archive, work, leaveRunning, tcp, watched = [], passes = 0 }, signal) {
      const tree = join(work, 'tree');
      const { before, last } = passesIn(tree, passes);
      await host.run(['mkdir', '-p', '--', ...[...before, last].map(({ images }) => images)], {}, signal);
      await keepDefinition(host, definitionOf(container), tree, signal);
      const env = await criuSettings(host, work, [...ofConnections(tcp), ...searching(watched)], signal);
      const log = join(tree, 'dump.log');
      const pass = async ({ images, parent }: Pass, flags: readonly string[]): Promise<void> => {
        const argv: Argv = [
          ...begin(name, join(work, 'runtime.log')),
          'checkpoint',
          ...flags,
          ...(tcp === 'keep' ? ['--tcp-established'] : []),
          ...(parent === undefined ? [] : ['--parent-path', parent]),
          '--image-path',
          images,
          '--work-path',
          tree,
          container.id,
        ];
        await host.run(argv, { env, timeoutMs: workMs, killGraceMs: stopMs }, signal);
      };
      const again = async (): Promise<void> => {
        // What is left of it may be all that the disk has no room for.
        await host.run(['rm', '-f', '--', archive], {}, new AbortController().signal);
        await resume(host, name, container, work, tcp, new AbortController().signal);
      };
      const dumped = { pid: pidOf(container), work, log, again };
      await undoing(
        host,
        dumped,
        async () => {
          for (const one of before) await pass(one, ['--pre-dump']);
          await pass(last, ['--file-locks', ...(leaveRunning ? ['--leave-running'] : [])]);
          await pack(host, tree, archive, signal);
        },
        signal,
      );
    },
    resume: async (host, container, { work, tcp }, signal) => await resume(host, name, container, work, tcp, signal),
    async missing(host, { container, name: wanted = container.id }, signal) {
      const bundle = bundleOf(container);
      const root = container.rootfs?.path ?? bundle;
      const found: string[] = [];
      for (const path of [join(bundle, 'config.json'), root]) {
        const { code } = await host.run(['test', '-e', path], { okCodes: [0, 1] }, signal);
        if (code !== 0)
          found.push(
            `${path} is not here: bring back the bundle of the container first, such as by "lifeboat restore"`,
          );
      }
      const { code } = await host.run([name, 'state', wanted], { okCodes: [0, 1], timeoutMs: questionMs }, signal);
      if (code === 0)
        found.push(
          `${name} has a container ${wanted} already: delete it (${name} delete ${wanted}), or choose another name with --name`,
        );
      return found;
    },
    async before(host, { container, name: id = container.id }) {
      return { cgroups: [...(await cgroupsCalled(host, [id]))], volumes: [] };
    },
    restoredAs: async ({ container, name: id = container.id }) => id,
    discard: async (host, { container, name: id = container.id }, { cgroups }, work) =>
      await remove(host, name, id, [bundleOf(container), work], new Set(cgroups)),
    async restore(host, { content, work, container, name: id = container.id, tcp }, signal) {
      await refuseChanged(host, definitionOf(container), content, signal);
      const from = { name, id, bundle: bundleOf(container), images: join(content, 'checkpoint'), work, tcp };
      await restoreFrom(host, from, signal);
      return id;
    },
    copies: {
      async obstacles(host, container, signal) {
        const found = await strangeness(host, name, container, signal);
        if (found.length > 0) return found;
        const config = (await host.read(join(bundleOf(container), 'config.json'), {}, signal)).toString();
        const { process: { terminal } = {} } = terminalSchema.parse(JSON.parse(config));
        return terminal === true ? ['it has a terminal, which nobody would be at when it is started again'] : [];
      },
      bytes: async () => 1 << 20,
      // All that it has changed is in its bundle, which stays where it is.
      async copy(host, container, tree, signal) {
        await keepDefinition(host, definitionOf(container), tree, signal);
      },
      async make(host, { container, content, name: id = container.id }, signal) {
        await refuseChanged(host, definitionOf(container), content, signal);
        try {
          await runFromBundle(host, name, container, id, signal);
        } catch (error) {
          await remove(host, name, id, [bundleOf(container)]);
          throw error;
        }
        return id;
      },
    },
    async start(host, container, signal) {
      await remove(host, name, container.id, [bundleOf(container)]);
      await runFromBundle(host, name, container, container.id, signal);
    },
    async stop(host, { id }, signal) {
      const state = async (): Promise<boolean> => {
        const asked = await host.run([name, 'state', id], { okCodes: [0, 1], timeoutMs: questionMs }, signal);
        return asked.code === 0 && !/"status":\s*"stopped"/.test(asked.stdout.toString());
      };
      await host.run([name, 'kill', id, 'TERM'], { okCodes: [0, 1], timeoutMs: questionMs }, signal);
      for (let waited = 0; waited < stopMs && (await state()); waited += 200) await sleep(200, signal);
      if (!(await state())) return;
      await host.run([name, 'kill', id, 'KILL'], { okCodes: [0, 1], timeoutMs: questionMs }, signal);
      for (let waited = 0; waited < stopMs && (await state()); waited += 100) await sleep(100, signal);
      if (await state()) throw new LifeboatError('failed', `${id} does not end, not even by SIGKILL`);
    },
  };
}

/** What is not the runtime's alone. */
async function strangeness(
  host: Host,
  name: string,
  { definedBy, id }: Container,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (definedBy.every(({ kind }) => kind !== 'bundle')) return [`${name} does not say where the bundle of ${id} is`];
  const { code } = await host.run([name, 'state', id], { okCodes: [0, 1], timeoutMs: questionMs }, signal);
  return code === 0
    ? []
    : [
        `${name} keeps its state elsewhere than in /run/${name}: it is docker's or containerd's, who would take it for ended`,
      ];
}

function definitionOf(container: Container): Definition {
  return { path: join(bundleOf(container), 'config.json'), kept: 'spec.dump' };
}

/** From its beginning. */
async function runFromBundle(
  host: Host,
  name: string,
  container: Container,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const log = `/run/lifeboat-${name}-${process.pid}.log`;
  try {
    const argv: Argv = [...begin(name, log), 'run', '--detach', '--bundle', bundleOf(container), id];
    await runSilently(host, argv, { log }, { timeoutMs: questionMs }, signal);
  } finally {
    await host.run(['rm', '-f', '--', log], {}, new AbortController().signal);
  }
}

/** From the images, where they are whole; otherwise the runtime would have let the container go on. */
async function resume(
  host: Host,
  name: 'runc' | 'crun',
  container: Container,
  work: string,
  tcp: Tcp | undefined,
  signal: AbortSignal,
): Promise<void> {
  const look = `${name} list; if it is frozen, ${name} resume ${container.id}`;
  const images = await wholeImages(host, container, work, look, signal);
  await remove(host, name, container.id, [bundleOf(container)]);
  await restoreFrom(host, { name, id: container.id, bundle: bundleOf(container), images, work, tcp }, signal);
}

interface From {
  readonly name: 'runc' | 'crun';
  readonly id: string;
  readonly bundle: string;
  readonly images: string;
  readonly work: string;
  readonly tcp: Tcp | undefined;
}

async function restoreFrom(
  host: Host,
  { name, id, bundle, images, work, tcp }: From,
  signal: AbortSignal,
): Promise<void> {
  const log = join(work, 'runtime.log');
  const env = await criuSettings(host, work, ofConnections(tcp), signal);
  const before = await cgroupsCalled(host, [id]);
  const argv: Argv = [
    ...begin(name, log),
    'restore',
    '--detach',
    '--file-locks',
    ...(tcp === 'keep' ? ['--tcp-established'] : []),
    '--bundle',
    bundle,
    '--image-path',
    images,
    '--work-path',
    work,
    id,
  ];
  try {
    await runSilently(host, argv, { log }, { env, timeoutMs: workMs, killGraceMs: stopMs }, signal);
  } catch (error) {
    const undo = async () => await remove(host, name, id, [bundle, work], before);
    throw await afterRemoval(host, error, [join(work, 'restore.log')], undo);
  }
}

/**
 * What is there of it, even where the runtime itself does not know it any more.
 *
 * @param roots where the runtime may have mounted the root for CRIU
 * @param before cgroups that were there before somebody made what is removed: without it, only those in which nothing runs go
 * @returns what the runtime had left
 */
async function remove(
  host: Host,
  name: string,
  id: string,
  roots: readonly string[],
  before?: ReadonlySet<string>,
): Promise<readonly string[]> {
  const { signal } = new AbortController();
  const state = `/run/${name}/${id}`;
  // First: of one that it does not know any more, runc removes the directory with all that is mounted there, such as the root of the container.
  const mounts: string[] = [];
  for (const root of roots.map((place) => `${place}/criu-root`)) {
    mounts.push(...(await unmountBelow(host, root)));
    await host.run(['rmdir', '--', root], { okCodes: [0, 1] }, signal);
  }
  mounts.push(...(await unmountBelow(host, state)));
  await host.run([name, 'delete', '--force', id], { okCodes: [0, 1], timeoutMs: questionMs }, signal);
  const cgroups = before === undefined ? removeEmptyCgroups(host, [id]) : removeCgroups(host, [id], before);
  return [...mounts, ...(await cgroups)];
}

function begin(name: string, log: string): readonly [string, ...string[]] {
  return [name, '--log', log];
}

function bundleOf({ definedBy, name }: Container): string {
  const path = definedBy.find(({ kind }) => kind === 'bundle')?.paths[0];
  if (path === undefined) throw new LifeboatError('not-found', `nobody says where the bundle of ${name} is`);
  return dirname(path);
}
