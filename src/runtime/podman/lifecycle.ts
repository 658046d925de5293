/**
 * Checkpoint and restore by podman's own command line: only podman keeps its store in step with what runs, and what it exports other
 * tools read.
 */
import { join } from 'node:path/posix';
import { anyCode } from '../../host/any-code.ts';
import type { Argv, Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { afterRemoval } from '../checkpoint/explained.ts';
import { pidOf } from '../checkpoint/pid.ts';
import { unmountBelow } from '../checkpoint/residues.ts';
import { untoldWatches } from '../checkpoint/settings.ts';
import { runSilently } from '../checkpoint/silent.ts';
import { undoing } from '../checkpoint/torn.ts';
import type { Lifecycle, Tcp } from '../lifecycle.ts';
import type { Container } from '../model/container.ts';
import { madeAgain } from './changes.ts';
import { podmanCopies } from './copies.ts';
import { idOf, infraObstacle, newVolumes, remove, volumesIn } from './made.ts';

const workMs = 600_000;
const questionMs = 30_000;
const stopMs = 10_000;
const cannotClose = 'this podman cannot close connections in a restore (5.4 cannot)';

export const podmanLifecycle: Lifecycle = {
  // It reads a file that it is given more than once.
  takes: 'archive',
  async obstacles(host, { id, pod }, { tcp, watched = [] }, signal) {
    const found: string[] = [];
    if (tcp === 'close' && !(await canClose(host, signal))) {
      found.push(`${cannotClose}: keep them with --tcp=keep`);
    }
    if (pod?.infra === true) found.push(infraObstacle);
    found.push(...untoldWatches('podman', watched));
    found.push(...(await madeAgain(host, id, signal)));
    return found;
  },
  async checkpoint(host, container, { archive, work, leaveRunning, tcp }, signal) {
    const argv: Argv = [
      'podman',
      'container',
      'checkpoint',
      '--export',
      archive,
      // What it is worth is for whoever stores it to say: compressing is most of the time that podman takes.
      '--compress',
      'none',
      '--file-locks',
      // Connections that a restore is to close have to be dumped all the same.
      ...(tcp === undefined ? [] : ['--tcp-established']),
      ...(leaveRunning ? ['--leave-running'] : []),
      container.id,
    ];
    const again = async (): Promise<void> =>
      await runAgain(host, container, archive, work, tcp, new AbortController().signal);
    const made = async (): Promise<void> => {
      await host.run(argv, { timeoutMs: workMs, killGraceMs: stopMs }, signal);
    };
    await undoing(host, { pid: pidOf(container), work, again }, made, signal);
  },
  async resume(host, container, { archive, work, tcp }, signal) {
    if (tcp === 'close' && !(await canClose(host, signal))) {
      throw new LifeboatError('refused', `${cannotClose}, and nothing was done`, { hint: 'Leave out --tcp.' });
    }
    await runAgain(host, container, archive, work, tcp, signal);
  },
  async missing(host, wanted, signal) {
    const { container, name, pod = container.pod?.name, tcp, keepVolumes = false } = wanted;
    const found: string[] = [];
    const has = async (kind: string, what: string): Promise<boolean> => {
      const asked = await host.run(
        ['podman', kind, 'exists', what],
        { okCodes: [0, 1], timeoutMs: questionMs },
        signal,
      );
      return asked.code === 0;
    };
    const { image } = container;
    if (image?.id !== undefined && !(await has('image', image.id))) {
      const reference = image.reference ?? image.id;
      found.push(
        `the image ${reference} (${image.id.slice(0, 12)}) is not here: podman pull ${reference}, or on a host that has it "podman save -o image.tar ${reference}" and here "podman load -i image.tar"`,
      );
    }
    if (pod !== undefined && !(await has('pod', pod))) {
      const { command = [] } = container.pod ?? {};
      const made = command.length === 0 ? '' : ` (it was made by: ${command.join(' ')})`;
      found.push(`the pod ${pod} is not here: make it${made}, or choose another one with --pod`);
    }
    const called = name ?? container.id;
    if (await has('container', called)) {
      found.push(
        `podman has a container ${name ?? container.name} already: remove it (podman rm ${called}), or choose another name with --name`,
      );
    } else if (name === undefined && (await has('container', container.name))) {
      found.push(`podman has another container of the name ${container.name}: choose a name with --name`);
    }
    if (name !== undefined && tcp === 'keep') {
      found.push('podman keeps no connections under another name: leave out --name, or close them with --tcp=close');
    }
    if (tcp === 'close' && !(await canClose(host, signal))) {
      found.push(`${cannotClose}: keep them with --tcp=keep`);
    }
    for (const volume of keepVolumes ? [] : volumesIn(wanted)) {
      if (await has('volume', volume)) {
        found.push(
          `there is a volume ${volume} already: --keep-volumes takes it as it is; or remove it (podman volume rm ${volume})`,
        );
      }
    }
    return found;
  },
  before: async (host, wanted, signal) => ({ cgroups: [], volumes: await newVolumes(host, wanted, signal) }),
  restoredAs: async ({ container, name = container.id }) => name,
  async discard(host, { container, name = container.id }, before) {
    const { signal } = new AbortController();
    const options = { okCodes: anyCode, timeoutMs: questionMs };
    const format = '{{.State.Status}} {{.ID}} {{.OCIRuntime}} {{.StaticDir}}';
    const asked = await host.run(['podman', 'container', 'inspect', '--format', format, name], options, signal);
    const [, status = '', id = '', runtime = '', directory = ''] =
      /^(\S+) (\S+) (\S+) (\/.+)$/m.exec(asked.stdout.toString()) ?? [];
    // What has run may have data of its own by now.
    if (asked.code === 0 && !/^(?:created|configured|initialized)$/.test(status)) return [];
    const left = directory === '' ? [] : [...(await unmountBelow(host, directory))];
    left.push(...(await remove(host, name, before.volumes)));
    // Podman asks its runtime to end only what it knows to have begun.
    if (runtime === 'crun' || runtime === 'runc') {
      await unmountBelow(host, `/run/${runtime}/${id}`);
      await host.run([runtime, 'delete', '--force', id], options, signal);
    }
    return left;
  },
  async restore(host, request, signal) {
    const { content, work, container, name, pod = container.pod?.name, tcp, keepVolumes = false } = request;
    const output = join(work, 'podman.out');
    const made = await newVolumes(host, request, signal);
    const argv: Argv = [
      'podman',
      'container',
      'restore',
      '--import',
      content,
      '--file-locks',
      ...(tcp === 'keep' ? ['--tcp-established'] : tcp === 'close' ? ['--tcp-close'] : []),
      // Two of the same address or card cannot be in a network.
      ...(name === undefined ? [] : ['--name', name, '--ignore-static-ip', '--ignore-static-mac']),
      ...(pod === undefined ? [] : ['--pod', pod]),
      ...(keepVolumes ? ['--ignore-volumes'] : []),
    ];
    try {
      await runSilently(host, argv, { output }, { timeoutMs: workMs, killGraceMs: stopMs }, signal);
    } catch (error) {
      throw await afterRemoval(host, error, [], async () => await remove(host, name ?? container.id, made));
    }
    return await idOf(host, name ?? container.id, signal);
  },
  copies: podmanCopies,
  async start(host, { id }, signal) {
    await runSilently(host, ['podman', 'start', id], { output: '/dev/null' }, { timeoutMs: workMs }, signal);
  },
  async stop(host, { id }, signal) {
    await host.run(['podman', 'stop', '--', id], { timeoutMs: workMs }, signal);
  },
};

/** Whether its restore can close connections. */
async function canClose(host: Host, signal: AbortSignal): Promise<boolean> {
  const argv = ['podman', 'container', 'restore', '--help'] as const;
  const { stdout } = await host.run(argv, { timeoutMs: questionMs }, signal);
  return stdout.toString().includes('--tcp-close');
}

/** Where podman has ended it and could not export: its own store has the images until then; afterwards the archive has them. */
async function runAgain(
  host: Host,
  { id, pod }: Container,
  archive: string,
  work: string,
  tcp: Tcp | undefined,
  signal: AbortSignal,
): Promise<void> {
  const options = { timeoutMs: workMs, killGraceMs: stopMs };
  const output = join(work, 'podman.out');
  const kept = tcp === 'keep' ? ['--tcp-established'] : tcp === 'close' ? ['--tcp-close'] : [];
  const restore = ['podman', 'container', 'restore', '--file-locks', ...kept] as const;
  try {
    await runSilently(host, [...restore, id], { output }, options, signal);
  } catch (error) {
    const whole = await host.run(['tar', '--list', '--file', archive], { okCodes: anyCode }, signal);
    if (whole.code !== 0) throw error;
    await host.run(['podman', 'rm', '--force', '--time', '0', id], { okCodes: anyCode, timeoutMs: questionMs }, signal);
    const into = pod?.name === undefined ? [] : ['--pod', pod.name];
    const imported: Argv = [...restore, ...into, '--ignore-volumes', '--import', archive];
    await runSilently(host, imported, { output }, options, signal);
  }
}
