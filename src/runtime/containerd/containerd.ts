/** Containerd, through its API, which `ctr` speaks. What docker runs by it is docker's. */
import { join } from 'node:path/posix';
import type { Asker } from '../../host/asker.ts';
import { inParallel } from '../../kernel/parallel.ts';
import { present } from '../../kernel/present.ts';
import { captureLive } from '../live/process.ts';
import { describe } from '../oci/describe.ts';
import { timeOf } from '../podman/describe.ts';
import { restartSchema } from '../model/container.ts';
import type { Description, Found, Runtime } from '../runtime.ts';
import { linesOf, parseInfo, parseOverlay, parseTasks } from './schema.ts';

const root = '/var/lib/containerd';
const socket = '/run/containerd/containerd.sock';
/** Where the bundle of one that runs is: by its namespace, and its id there. */
const bundles = '/run/containerd/io.containerd.runtime.v2.task';
/** Docker's namespace. */
const foreign = 'moby';
/** The names that its users know; Kubernetes gives each container one that is unique in its pod. */
const nameLabels = ['nerdctl/name', 'io.kubernetes.container.name'] as const;

export const containerd: Runtime = {
  name: 'containerd',
  traces: { below: [root, '/run/containerd'], files: ['meta.db', 'containerd.sock'] },
  async list(asker, traces) {
    if (!traces.includes(socket)) {
      asker.gap({
        subject: 'containerd',
        problem: 'its daemon does not run, so nothing is known of its containers but their files',
        hint: 'start containerd to see them whole',
      });
      return [];
    }
    const all = (await ask(asker, undefined, ['namespaces', 'ls', '--quiet'], linesOf)) ?? [];
    const lists = await inParallel(
      all.filter((namespace) => namespace !== foreign),
      4,
      async (namespace) => await listIn(asker, namespace),
    );
    return lists.flat();
  },
  async inspect(asker, found) {
    const all = await inParallel(found, 4, async (one) => await inspect(asker, one));
    return all.flatMap((one) => one ?? []);
  },
};

async function listIn(asker: Asker, namespace: string): Promise<Found[]> {
  const [ids, tasks] = await Promise.all([
    ask(asker, namespace, ['containers', 'ls', '--quiet'], linesOf),
    ask(asker, namespace, ['tasks', 'ls'], parseTasks),
  ]);
  return (ids ?? []).map((id) => {
    const task = tasks?.get(id);
    // One without a task was never started, or has ended: containerd does not tell which.
    const state = tasks === undefined ? 'unknown' : (task?.state ?? 'exited');
    const bundle = join(bundles, namespace, id);
    return {
      id,
      name: id,
      state,
      bundle,
      ...present({ pid: task !== undefined && state !== 'exited' ? task.pid : undefined }),
    };
  });
}

async function inspect(asker: Asker, found: Found): Promise<Description | undefined> {
  const { id, bundle = '', pid } = found;
  const namespace = bundle.slice(bundles.length + 1).split('/')[0] ?? '';
  const info = await ask(asker, namespace, ['containers', 'info', id], parseInfo, [0, 1]);
  if (info === undefined || info === 'gone') return undefined;
  const { Labels, Image, Snapshotter, SnapshotKey, CreatedAt, Spec } = info;
  const [live, overlay] = await Promise.all([
    pid === undefined ? undefined : captureLive(asker, pid),
    Snapshotter === 'overlayfs' && SnapshotKey
      ? ask(asker, namespace, ['snapshots', '--snapshotter', Snapshotter, 'mounts', '/', SnapshotKey], parseOverlay)
      : undefined,
  ]);
  const base = describe(found, Spec ?? {}, live);
  const labels = Labels ?? {};
  const name = nameLabels.map((label) => labels[label]).find((one) => one !== undefined && one !== '');
  const { writable, layers } = overlay ?? {};
  return {
    ...base,
    // Its own, in the memory of the host, is made anew at each start.
    definedBy: [],
    labels: { ...labels, 'containerd.io/namespace': namespace },
    storage: [root],
    rootfs: {
      ...base.rootfs,
      ...present({ driver: Snapshotter || undefined, writable }),
    },
    ...present({
      name,
      restart: restartOf(labels['containerd.io/restart.policy']),
      createdAt: timeOf(CreatedAt),
      image: Image
        ? { reference: Image, ...present({ layers: layers === undefined ? undefined : [...layers] }) }
        : undefined,
    }),
  };
}

/** Nerdctl's, as `always` or `on-failure:3`. */
function restartOf(label: string | undefined): Description['restart'] | undefined {
  const [, policy, retries] = /^(no|always|on-failure|unless-stopped)(?::(\d+))?$/.exec(label ?? '') ?? [];
  const parsed = restartSchema.safeParse({ policy, ...(retries === undefined ? {} : { retries: Number(retries) }) });
  return parsed.success ? parsed.data : undefined;
}

function ask<T>(
  asker: Asker,
  namespace: string | undefined,
  args: readonly string[],
  parse: (stdout: string, stderr: string) => T,
  okCodes: readonly number[] = [0],
): Promise<T | undefined> {
  const within = namespace === undefined ? [] : ['--namespace', namespace];
  const argv = ['ctr', '--address', socket, '--connect-timeout', '10s', ...within, ...args] as const;
  return asker.ask({ argv, parse, okCodes, subject: `ctr ${args[0]}`, timeoutMs: 30_000 });
}
