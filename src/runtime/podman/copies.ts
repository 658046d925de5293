/** Containers of podman that are stopped and copied: what they changed of their image and their volumes, named as podman's own export does. */
import { join } from 'node:path/posix';
import { z } from 'zod';
import type { Argv, Host } from '../../host/host.ts';
import { asLifeboatError, LifeboatError } from '../../kernel/errors.ts';
import { runSilently } from '../checkpoint/silent.ts';
import type { Copies, RestoreRequest } from '../lifecycle.ts';
import type { Container } from '../model/container.ts';
import { parseDiff } from './changes.ts';
import { createCommand } from './create-command.ts';
import { idOf, newVolumes, remove } from './made.ts';

const workMs = 3_600_000;
const questionMs = 30_000;

const [changedName, deletedName] = ['rootfs-diff.tar', 'deleted.files'];

export const podmanCopies: Copies = {
  async obstacles(host, container, signal) {
    const { id, name, labels, pod } = container;
    const found: string[] = [];
    const format = ['--format', '{{.HostConfig.AutoRemove}}'] as const;
    const asked = await say(host, ['podman', 'container', 'inspect', ...format, id], signal);
    if (asked.trim() === 'true') found.push('it was started with --rm, so that it is gone when it is stopped');
    const unit = labels['PODMAN_SYSTEMD_UNIT'];
    if (unit !== undefined)
      found.push(`${unit} would start it again when it is stopped: stop that, and copy its files`);
    if (pod?.infra === true) found.push('it only holds the namespaces of a pod, of which podman makes a new one');
    if (createCommand(container, name) === undefined) found.push('nobody knows the command that made it');
    return found;
  },
  async copy(host, { id, mounts }, tree, signal) {
    await copyChanges(host, id, tree, signal);
    const volumes = mounts.flatMap(({ kind, name }) => (kind === 'volume' && name !== undefined ? [name] : []));
    if (volumes.length > 0) await host.run(['mkdir', '--', join(tree, 'volumes')], {}, signal);
    for (const volume of new Set(volumes)) {
      const argv = ['podman', 'volume', 'export', '--output', fileOf(tree, volume), volume] as const;
      await host.run(argv, { timeoutMs: workMs }, signal);
    }
  },
  async make(host, request, signal) {
    const { container, name = container.name, pod = container.pod?.name, work } = request;
    const volumes = await newVolumes(host, request, signal);
    const argv = createCommand(container, name, pod);
    if (argv === undefined) throw new LifeboatError('unsupported', `nobody knows the command that made ${name}`);
    try {
      await host.run(argv, { timeoutMs: workMs }, signal);
      await fillRoot(host, name, request.content, signal);
      await fillVolumes(host, name, request, volumes, signal);
      const output = join(work, 'podman.out');
      await runSilently(host, ['podman', 'start', name], { output }, { timeoutMs: workMs }, signal);
    } catch (thrown) {
      const error = asLifeboatError(thrown);
      const left = await remove(host, name, volumes);
      const words = left.length === 0 ? '' : `; removed what was left of it: ${left.join(', ')}`;
      throw new LifeboatError(error.code, `${error.message}${words}`, { hint: error.hint, cause: error });
    }
    return await idOf(host, name, signal);
  },
};

const fileOf = (tree: string, volume: string): string => join(tree, 'volumes', `${volume}.tar`);

async function say(host: Host, argv: Argv, signal: AbortSignal): Promise<string> {
  return (await host.run(argv, { timeoutMs: questionMs }, signal)).stdout.toString();
}

async function copyChanges(host: Host, id: string, tree: string, signal: AbortSignal): Promise<void> {
  const compared = ['podman', 'diff', '--format', 'json', '--', id] as const;
  const { stdout } = await host.run(compared, { timeoutMs: workMs }, signal);
  const changes = parseDiff(stdout.toString());
  const paths = (deleted: boolean): readonly string[] =>
    changes.filter(({ change }) => (change === 'deleted') === deleted).map(({ path }) => path);
  await host.write(join(tree, deletedName), Buffer.from(JSON.stringify(paths(true))), {}, signal);
  const list = Buffer.from(
    paths(false)
      .map((path) => `.${path}\0`)
      .join(''),
  );
  const root = (await say(host, ['podman', 'mount', id], signal)).trim();
  try {
    const flags = ['--format=pax', '--numeric-owner', '--xattrs', '--xattrs-include=*', '--acls', '--sparse'] as const;
    const which = ['--no-recursion', '--directory', root, '--null', '--files-from=-'] as const;
    const argv = ['tar', '--create', ...flags, '--file', join(tree, changedName), ...which] as const;
    await host.run(argv, { stdin: list, timeoutMs: workMs }, signal);
  } finally {
    await host.run(['podman', 'unmount', id], { timeoutMs: questionMs }, new AbortController().signal);
  }
}

/** By podman, which follows no link of the container out of it. */
async function fillRoot(host: Host, name: string, tree: string, signal: AbortSignal): Promise<void> {
  const copying = 'exec podman cp --archive=false - "$1:/" <"$2"';
  await host.run(['sh', '-c', copying, 'sh', name, join(tree, changedName)], { timeoutMs: workMs }, signal);
  const deleted = z
    .array(z.string())
    .parse(JSON.parse((await host.read(join(tree, deletedName), {}, signal)).toString()));
  if (deleted.length === 0) return;
  const root = (await say(host, ['podman', 'mount', name], signal)).trim();
  try {
    for (const path of deleted) await removeBelow(host, root, path, signal);
  } finally {
    await host.run(['podman', 'unmount', name], { timeoutMs: questionMs }, new AbortController().signal);
  }
}

/** @throws LifeboatError `archive-unsafe` for a path that a link leads elsewhere */
async function removeBelow(host: Host, root: string, path: string, signal: AbortSignal): Promise<void> {
  const whole = join(root, path);
  const above = whole.slice(0, whole.lastIndexOf('/'));
  const real = await host.run(['realpath', '--', above], { okCodes: [0, 1] }, signal);
  // What it was in is gone already.
  if (real.code !== 0) return;
  if (real.stdout.toString().trimEnd() !== above || !whole.startsWith(`${root}/`))
    throw new LifeboatError('archive-unsafe', `${path} is to be deleted, and leads out of the container`);
  await host.run(['rm', '-rf', '--one-file-system', '--', whole], { timeoutMs: workMs }, signal);
}

const mountsSchema = z.array(z.object({ Type: z.string(), Name: z.string().nullish(), Destination: z.string() }));

/** Volumes by where they are mounted: those without a name of their own have another one now. */
async function fillVolumes(
  host: Host,
  name: string,
  { container, content, keepVolumes = false }: RestoreRequest,
  made: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const said = await say(host, ['podman', 'container', 'inspect', '--format', '{{json .Mounts}}', name], signal);
  const now = new Map(
    mountsSchema
      .parse(JSON.parse(said))
      .flatMap(({ Type, Name, Destination }): [string, string][] =>
        Type === 'volume' && Name ? [[Destination, Name]] : [],
      ),
  );
  for (const [volume, into] of volumesFor(container, now)) {
    if (keepVolumes && volume === into && !made.includes(volume)) continue;
    await host.run(['podman', 'volume', 'import', into, fileOf(content, volume)], { timeoutMs: workMs }, signal);
  }
}

function volumesFor({ mounts }: Container, now: ReadonlyMap<string, string>): readonly (readonly [string, string])[] {
  return mounts.flatMap(({ kind, name, destination }) => {
    const into = now.get(destination);
    return kind === 'volume' && name !== undefined && into !== undefined ? [[name, into] as const] : [];
  });
}
