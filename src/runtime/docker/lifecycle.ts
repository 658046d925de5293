/** Checkpoint and restore by docker's daemon, with its experimental features. What a container is, its changed files and its volumes stay with docker. */
import { join } from 'node:path/posix';
import { anyCode } from '../../host/any-code.ts';
import type { Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { pack } from '../checkpoint/archive.ts';
import { afterRemoval } from '../checkpoint/explained.ts';
import { pidOf } from '../checkpoint/pid.ts';
import { untoldWatches } from '../checkpoint/settings.ts';
import { renamed, wholeImages } from '../checkpoint/staying.ts';
import { undoing } from '../checkpoint/torn.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { Container } from '../model/container.ts';
import { dockerCommand } from './command.ts';

const workMs = 600_000;
const questionMs = 30_000;
const stopMs = 10_000;

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
    if (!leaveRunning) found.push(...startedAtEnd(container), ...(await removedAtEnd(host, container, signal)));
    return found;
  },
  async checkpoint(host, container, { archive, work, leaveRunning }, signal) {
    const tree = join(work, 'tree');
    await host.run(['mkdir', '-p', '--', tree], {}, signal);
    const options = ['--checkpoint-dir', tree, ...(leaveRunning ? ['--leave-running'] : [])];
    const again = async (): Promise<void> => {
      const { signal: own } = new AbortController();
      // What is left of it may be all that the disk has no room for.
      await host.run(['rm', '-f', '--', archive], {}, own);
      await dockerLifecycle.resume(host, container, { archive, work }, own);
    };
    const made = async (): Promise<void> => {
      const argv = dockerCommand('checkpoint', 'create', ...options, '--', container.id, 'checkpoint');
      await host.run(argv, { timeoutMs: workMs, killGraceMs: stopMs }, signal);
      await pack(host, tree, archive, signal);
    };
    await undoing(host, { pid: pidOf(container), work, again }, made, signal);
  },
  async resume(host, container, { work }, signal) {
    const images = await wholeImages(host, container, work, `docker inspect ${container.name}`, signal);
    await startFrom(host, container, images, work, signal);
  },
  async missing(host, { container, name }, signal) {
    const { name: called, id } = container;
    const found = [...renamed('docker', container, name)];
    const argv = dockerCommand('container', 'inspect', '--format', '{{.State.Status}}', id);
    const asked = await host.run(argv, { okCodes: anyCode, timeoutMs: questionMs }, signal);
    if (asked.code !== 0) {
      found.push(
        `docker does not know ${called} (${id.slice(0, 12)}) here, or does not run: what it keeps of its containers comes back with /var/lib/docker, by "lifeboat restore"`,
      );
    } else if (!/^(?:created|exited)$/.test(asked.stdout.toString().trim())) {
      found.push(`docker runs ${called} already: end it first (docker stop ${called})`);
    }
    return found;
  },
  before: async () => ({ cgroups: [], volumes: [] }),
  restoredAs: async ({ container }) => container.id,
  async discard(host, { container }, _before, work) {
    await clear(host, container, work);
    return [];
  },
  async restore(host, { container, content, work }, signal) {
    await startFrom(host, container, join(content, 'checkpoint'), work, signal);
    return container.id;
  },
  copies: {
    obstacles: removedAtEnd,
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
    await host.run(dockerCommand('start', id), { timeoutMs: workMs }, signal);
  },
  async stop(host, { id }, signal) {
    await host.run(dockerCommand('stop', id), { timeoutMs: workMs }, signal);
  },
};

/** @throws LifeboatError `command-failed` */
async function said(host: Host, args: readonly string[], signal: AbortSignal): Promise<string> {
  const { stdout } = await host.run(dockerCommand(...args), { timeoutMs: questionMs }, signal);
  return stdout.toString().trim();
}

async function removedAtEnd(host: Host, { id }: Container, signal: AbortSignal): Promise<readonly string[]> {
  const removed = await said(host, ['inspect', '--format', '{{.HostConfig.AutoRemove}}', id], signal);
  return removed === 'true' ? ['it was started with --rm, so that docker removes it when it ends'] : [];
}

/** A stop is an order, the end of a checkpoint is none. */
function startedAtEnd({ name, restart }: Container): readonly string[] {
  return restart === undefined || restart.policy === 'no'
    ? []
    : [
        `docker would start it again when it ends (restart policy ${restart.policy}): docker update --restart=no ${name} first, and that policy again afterwards; or let it run on with --leave-running`,
      ];
}

/** Docker takes images only from where it would have put them itself. */
function placeOf(container: Container, work: string): { readonly name: string; readonly path: string } {
  const root = container.storage?.[0];
  if (root === undefined) throw new LifeboatError('not-found', `nobody says where docker keeps ${container.name}`);
  const name = `lifeboat-${work.replace(/^.*\W/, '')}`;
  return { name, path: join(root, 'containers', container.id, 'checkpoints', name) };
}

async function startFrom(
  host: Host,
  container: Container,
  images: string,
  work: string,
  signal: AbortSignal,
): Promise<void> {
  const { name, path } = placeOf(container, work);
  try {
    await host.run(['mkdir', '-p', '-m', '700', '--', join(path, '..')], {}, signal);
    await host.run(['cp', '-a', '--', images, path], { timeoutMs: workMs }, signal);
    const argv = dockerCommand('start', '--checkpoint', name, container.id);
    await host.run(argv, { timeoutMs: workMs, killGraceMs: stopMs }, signal);
  } catch (error) {
    throw await afterRemoval(host, error, [], async () => []);
  } finally {
    await clear(host, container, work);
  }
}

async function clear(host: Host, container: Container, work: string): Promise<void> {
  const { path } = placeOf(container, work);
  await host.run(['rm', '-rf', '--one-file-system', '--', path], {}, new AbortController().signal);
}
