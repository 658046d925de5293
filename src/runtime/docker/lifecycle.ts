/** Checkpoint and restore by docker's daemon, with its experimental features. What a container is, its changed files and its volumes stay with docker. */
import { dirname, join } from 'node:path/posix';
import { tracerOf } from '../../criu/processes.ts';
import { anyCode } from '../../host/any-code.ts';
import type { Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { formatBytes } from '../../kernel/units.ts';
import { sleep, throwIfAborted } from '../../kernel/wait.ts';
import { pack } from '../checkpoint/archive.ts';
import { inWords } from '../checkpoint/explained.ts';
import { freeBytes } from '../checkpoint/facts.ts';
import { untoldWatches } from '../checkpoint/settings.ts';
import { renamed, wholeImages } from '../checkpoint/staying.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { Container } from '../model/container.ts';
import { dockerCommand } from './command.ts';

/** The daemon goes on with what it has begun, whoever asked has gone. */
const workMs = 3_600_000;
const questionMs = 30_000;
const endMs = 10_000;

/** Of our images in docker's own directory: the same each time, so that what a killed lifeboat has left there goes with the next. */
const checkpointName = 'lifeboat';

export const dockerLifecycle: Lifecycle = {
  takes: 'tree',
  async obstacles(host, container, { tcp, leaveRunning, watched = [] }, signal) {
    const found = [...untoldWatches('docker', watched)];
    if (tcp !== undefined) {
      found.push('docker neither keeps nor closes connections, as it tells CRIU nothing of them');
    }
    if ((await said(host, ['info', '--format', '{{.ExperimentalBuild}}'], signal)) !== 'true') {
      found.push(
        'docker makes checkpoints with experimental features only: put "experimental": true into /etc/docker/daemon.json, and restart docker',
      );
    }
    if (!leaveRunning) found.push(...(await againstEnding(host, container, signal)));
    return found;
  },
  async checkpoint(host, container, { archive, work, leaveRunning }, signal) {
    const { id } = container;
    const { signal: toEnd } = new AbortController();
    const tree = join(work, 'tree');
    await host.run(['mkdir', '-p', '--', tree], {}, signal);
    // By docker itself, and ended by it only when its images are in the file: CRIU would end it before docker has brought them where they stay.
    await order(host, ['pause', id], signal);
    try {
      await order(
        host,
        ['checkpoint', 'create', '--leave-running', '--checkpoint-dir', tree, '--', id, 'checkpoint'],
        toEnd,
      );
      if (leaveRunning) await order(host, ['unpause', id], toEnd);
      throwIfAborted(signal);
      await pack(host, tree, archive, signal);
      throwIfAborted(signal);
      if (!leaveRunning) await kill(host, container);
    } catch (thrown) {
      const error = await inWords(host, thrown, []);
      await dockerLifecycle.thaw?.(host, container, toEnd);
      throw new LifeboatError(error.code, `${error.message}; the container runs as before`, {
        hint: error.hint,
        cause: error.cause ?? error,
      });
    }
  },
  async thaw(host, container, signal) {
    const { id, name, pid } = container;
    const isTraced = async (): Promise<boolean> => pid !== undefined && (await tracerOf(pid)) !== 0;
    for (let waitedMs = 0; await isTraced(); waitedMs += 100) {
      if (waitedMs > workMs) throw new LifeboatError('locked', `docker is dumping ${name} still`);
      await sleep(100, signal);
    }
    if ((await statusOf(host, id, signal)) === 'paused') await order(host, ['unpause', id], signal);
  },
  async resume(host, container, { work }, signal) {
    const images = await wholeImages(host, container, work, `docker inspect ${container.name}`, signal);
    await startFrom(host, container, images, signal);
  },
  async missing(host, { container, name }, signal) {
    const { name: called, id } = container;
    const found = [...renamed('docker', container, name)];
    const status = await statusOf(host, id, signal);
    if (status === undefined) {
      found.push(
        `docker does not know ${called} (${id.slice(0, 12)}) here, or does not run: what it keeps of its containers comes back with /var/lib/docker, by "lifeboat restore"`,
      );
    } else if (!canStart(status)) {
      found.push(`docker runs ${called} already: end it first (docker stop ${called})`);
    }
    return found;
  },
  before: async () => ({ cgroups: [], volumes: [] }),
  restoredAs: async ({ container }) => container.id,
  async discard(host, { container }) {
    const { signal } = new AbortController();
    if ((await statusOf(host, container.id, signal)) !== undefined)
      await clear(host, await placeOf(host, container, signal));
    return [];
  },
  async restore(host, { container, content }, signal) {
    await startFrom(host, container, join(content, 'checkpoint'), signal);
    return container.id;
  },
  copies: {
    obstacles: againstEnding,
    bytes: async () => 1 << 20,
    // All of it stays with docker; this is for whoever wants to know what it was.
    async copy(host, { id }, tree, signal) {
      await host.write(join(tree, 'inspect.json'), Buffer.from(await said(host, ['inspect', id], signal)), {}, signal);
    },
    async make(host, { container }, signal) {
      await dockerLifecycle.start(host, container, signal);
      return container.id;
    },
  },
  async start(host, { id }, signal) {
    await order(host, ['start', id], signal);
  },
  async stop(host, { id }, signal) {
    await order(host, ['stop', id], signal);
  },
};

async function order(host: Host, args: readonly string[], signal: AbortSignal): Promise<void> {
  await host.run(dockerCommand(...args), { timeoutMs: workMs }, signal);
}

/** @throws LifeboatError `command-failed` */
async function said(host: Host, args: readonly string[], signal: AbortSignal): Promise<string> {
  const { stdout } = await host.run(dockerCommand(...args), { timeoutMs: questionMs }, signal);
  return stdout.toString().trim();
}

/** In docker's own words; `undefined` where docker does not know it, or does not answer. */
async function statusOf(host: Host, id: string, signal: AbortSignal): Promise<string | undefined> {
  const argv = dockerCommand('container', 'inspect', '--format', '{{.State.Status}}', id);
  const { code, stdout } = await host.run(argv, { okCodes: anyCode, timeoutMs: questionMs }, signal);
  return code === 0 ? stdout.toString().trim() : undefined;
}

const canStart = (status: string | undefined): boolean => status === 'created' || status === 'exited';

/** What docker, or others by it, would do with one that ends. */
async function againstEnding(host: Host, { id, labels }: Container, signal: AbortSignal): Promise<readonly string[]> {
  const found: string[] = [];
  if ((await said(host, ['inspect', '--format', '{{.HostConfig.AutoRemove}}', id], signal)) === 'true')
    found.push('it was started with --rm, so that docker removes it when it ends');
  if (labels['com.docker.swarm.task.id'] !== undefined)
    found.push('it is a task of a swarm, which would start another in its place');
  const others = (await said(host, ['ps', '--quiet', '--no-trunc'], signal))
    .split('\n')
    .filter((one) => one !== '' && one !== id);
  if (others.length === 0) return found;
  const format = '{{.Name}} {{.HostConfig.NetworkMode}} {{.HostConfig.IpcMode}} {{.HostConfig.PidMode}}';
  for (const line of (await said(host, ['inspect', '--format', format, ...others], signal)).split('\n')) {
    const [name, ...modes] = line.split(' ');
    if (modes.includes(`container:${id}`)) found.push(`${name?.slice(1)} is in its namespaces, and would lose them`);
  }
  return found;
}

/** By its own order, after which docker does not start it again, whatever its restart policy. */
async function kill(host: Host, { id, name }: Container): Promise<void> {
  const { signal } = new AbortController();
  await order(host, ['kill', id], signal);
  for (let waitedMs = 0; !canStart(await statusOf(host, id, signal)); waitedMs += 100) {
    if (waitedMs > endMs) throw new LifeboatError('failed', `${name} does not end, not even by SIGKILL`);
    await sleep(100, signal);
  }
}

/** Docker takes images only from where it would have put them itself. */
async function placeOf(host: Host, { id }: Container, signal: AbortSignal): Promise<string> {
  const hostname = await said(host, ['container', 'inspect', '--format', '{{.HostnamePath}}', id], signal);
  return join(dirname(hostname), 'checkpoints', checkpointName);
}

/** @throws LifeboatError `refused` where somebody has started it since: nothing was done to it; `no-space`, `criu-failed`, … */
async function startFrom(host: Host, container: Container, images: string, signal: AbortSignal): Promise<void> {
  const { id, name } = container;
  const path = await placeOf(host, container, signal);
  await clear(host, path);
  const { stdout } = await host.run(['du', '-s', '-B1', '--', images], { timeoutMs: questionMs }, signal);
  const [bytes, free] = [Number.parseInt(stdout.toString(), 10), await freeBytes(host, dirname(dirname(path)), signal)];
  // Here, and where containerd unpacks them.
  if (free < 2 * bytes)
    throw new LifeboatError(
      'no-space',
      `the images take ${formatBytes(2 * bytes)} in ${dirname(path)}, which has ${formatBytes(free)} free`,
    );
  const unpacked = await unpackedByContainerd(host, signal);
  try {
    await host.run(['mkdir', '-p', '-m', '700', '--', dirname(path)], {}, signal);
    await host.run(['cp', '-a', '--', images, path], { timeoutMs: workMs }, signal);
    // Docker calls it done where it runs already.
    if (!canStart(await statusOf(host, id, signal)))
      throw new LifeboatError('refused', `docker runs ${name} already, so that nothing was restored`, {
        hint: `End it first: docker stop ${name}`,
      });
    await order(host, ['start', '--checkpoint', checkpointName, id], new AbortController().signal);
  } catch (error) {
    throw await inWords(host, error, []);
  } finally {
    await clear(host, path);
    await forgetUnpacked(host, images, unpacked);
  }
}

async function clear(host: Host, path: string): Promise<void> {
  await host.run(['rm', '-rf', '--one-file-system', '--', path], {}, new AbortController().signal);
}

async function unpackedByContainerd(host: Host, signal: AbortSignal): Promise<readonly string[]> {
  const argv = ['find', '/tmp', '-mindepth', '1', '-maxdepth', '1', '-name', 'ctrd-checkpoint*', '-print0'] as const;
  const { stdout } = await host.run(argv, { okCodes: [0, 1] }, signal);
  return stdout.toString().split('\0').slice(0, -1);
}

/** Containerd 1.7 leaves all of the memory there in which it unpacks it for runc. */
async function forgetUnpacked(host: Host, images: string, before: readonly string[]): Promise<void> {
  const { signal } = new AbortController();
  const hashOf = async (directory: string): Promise<string | undefined> => {
    const argv = ['sha256sum', '--', join(directory, 'inventory.img')] as const;
    const { code, stdout } = await host.run(argv, { okCodes: anyCode }, signal);
    return code === 0 ? stdout.toString().split(' ')[0] : undefined;
  };
  const own = await hashOf(images);
  for (const path of await unpackedByContainerd(host, signal)) {
    if (!before.includes(path) && own !== undefined && (await hashOf(path)) === own) await clear(host, path);
  }
}
