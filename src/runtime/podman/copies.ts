/** Containers of podman that are stopped and copied: what they changed of their image and their volumes, named as podman's own export does. */
import { join } from 'node:path/posix';
import { z } from 'zod';
import type { Argv, Host } from '../../host/host.ts';
import { asLifeboatError, LifeboatError } from '../../kernel/errors.ts';
import { runSilently } from '../checkpoint/silent.ts';
import type { Copies, RestoreRequest } from '../lifecycle.ts';
import { changesOf } from './changes.ts';
import { createCommand } from './create-command.ts';
import { infraObstacle, newVolumes, remove, volumes } from './made.ts';

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
    if (pod?.infra === true) found.push(infraObstacle);
    if ((container.userIds ?? []).length > 0) found.push('it has a map of user ids, by which podman copies wrongly');
    if (createCommand(container, name) === undefined)
      found.push('nobody knows a command that would make it again as it is');
    found.push(...(await dependents(host, id, signal)));
    return found;
  },
  async bytes(host, { rootfs, mounts }, signal) {
    const sources = mounts.flatMap(({ kind, source }) => (kind === 'volume' && source !== undefined ? [source] : []));
    const places = [...new Set([...(rootfs?.writable === undefined ? [] : [rootfs.writable]), ...sources])];
    if (places.length === 0) return 0;
    const argv = ['du', '--summarize', '--total', '--block-size=1', '--', ...places] as const;
    const { stdout } = await host.run(argv, { okCodes: [0, 1], timeoutMs: workMs }, signal);
    return parseInt(stdout.toString().trim().split('\n').at(-1) ?? '0', 10);
  },
  async copy(host, { id, mounts }, tree, signal) {
    await copyChanges(host, id, tree, signal);
    const names = mounts.flatMap(({ kind, name }) => (kind === 'volume' && name !== undefined ? [name] : []));
    if (names.length > 0) await host.run(['mkdir', '--', join(tree, 'volumes')], {}, signal);
    for (const volume of new Set(names)) {
      const argv = ['podman', 'volume', 'export', '--output', fileOf(tree, volume), volume] as const;
      await host.run(argv, { timeoutMs: workMs }, signal);
    }
  },
  async make(host, request, signal) {
    const { container, name = container.name, pod = container.pod?.name, work } = request;
    const named = await newVolumes(host, request, signal);
    const argv = createCommand(container, name, pod);
    if (argv === undefined) throw new LifeboatError('unsupported', `nobody knows the command that made ${name}`);
    const there = new Set(await volumes(host, signal));
    const { stdout } = await host.run(argv, { timeoutMs: workMs }, signal);
    const id = stdout.toString().trim().split('\n').at(-1) ?? '';
    try {
      await fillRoot(host, id, request.content, signal);
      await fillVolumes(host, id, request, there, signal);
      const output = join(work, 'podman.out');
      await runSilently(host, ['podman', 'start', id], { output }, { timeoutMs: workMs }, signal);
    } catch (thrown) {
      const error = asLifeboatError(thrown);
      const left = await remove(host, id, named, ['--volumes']);
      const words = left.length === 0 ? '' : `; removed what was left of it: ${left.join(', ')}`;
      throw new LifeboatError(error.code, `${error.message}${words}`, { hint: error.hint, cause: error });
    }
    return id;
  },
};

const fileOf = (tree: string, volume: string): string => join(tree, 'volumes', `${volume}.tar`);

async function say(host: Host, argv: Argv, signal: AbortSignal): Promise<string> {
  return (await host.run(argv, { timeoutMs: questionMs }, signal)).stdout.toString();
}

async function copyChanges(host: Host, id: string, tree: string, signal: AbortSignal): Promise<void> {
  const changes = await changesOf(host, id, signal);
  const deleted = changes.filter(({ change }) => change === 'deleted').map(({ path }) => path);
  await host.write(join(tree, deletedName), Buffer.from(JSON.stringify(deleted)), {}, signal);
  const root = (await say(host, ['podman', 'mount', id], signal)).trim();
  try {
    const there = changes.filter(({ change }) => change !== 'deleted').map(({ path }) => path);
    // Such as were made again are told as deleted, and what is in them as new.
    for (const path of deleted) if (await isIn(host, root, path, signal)) there.push(path);
    if (there.length === 0) return;
    const list = Buffer.from(
      [...new Set(there)]
        .sort()
        .map((path) => `.${path}\0`)
        .join(''),
    );
    const flags = ['--format=pax', '--numeric-owner', '--xattrs', '--xattrs-include=*', '--sparse'] as const;
    const which = ['--no-recursion', '--directory', root, '--null', '--files-from=-'] as const;
    const argv = ['tar', '--create', ...flags, '--file', join(tree, changedName), ...which] as const;
    await host.run(argv, { stdin: list, timeoutMs: workMs }, signal);
  } finally {
    await host.run(['podman', 'unmount', id], { timeoutMs: questionMs }, new AbortController().signal);
  }
}

/** Also a link that leads nowhere. */
async function isIn(host: Host, root: string, path: string, signal: AbortSignal): Promise<boolean> {
  const argv = ['sh', '-c', 'test -e "$1" || test -L "$1"', 'sh', join(root, path)] as const;
  return (await host.run(argv, { okCodes: [0, 1] }, signal)).code === 0;
}

/** What was deleted first, for some of it was made again; then by podman, which follows no link of the container out of it. */
async function fillRoot(host: Host, id: string, tree: string, signal: AbortSignal): Promise<void> {
  await deleteFrom(host, id, tree, signal);
  const changed = join(tree, changedName);
  const { code } = await host.run(['test', '-e', changed], { okCodes: [0, 1] }, signal);
  if (code !== 0) return;
  const copying = 'exec podman cp --archive=false --overwrite - "$1:/" <"$2"';
  await host.run(['sh', '-c', copying, 'sh', id, changed], { timeoutMs: workMs }, signal);
}

async function deleteFrom(host: Host, id: string, tree: string, signal: AbortSignal): Promise<void> {
  const list = (await host.read(join(tree, deletedName), {}, signal)).toString();
  const deleted = z.array(z.string()).parse(JSON.parse(list));
  if (deleted.length === 0) return;
  const root = (await say(host, ['podman', 'mount', id], signal)).trim();
  try {
    for (const path of deleted) await removeBelow(host, root, path, signal);
  } finally {
    await host.run(['podman', 'unmount', id], { timeoutMs: questionMs }, new AbortController().signal);
  }
}

/** @throws LifeboatError `archive-unsafe` for a path that a link leads elsewhere */
async function removeBelow(host: Host, root: string, path: string, signal: AbortSignal): Promise<void> {
  const whole = join(root, path);
  const above = whole.slice(0, whole.lastIndexOf('/'));
  const real = await host.run(['realpath', '--', above], { okCodes: [0, 1] }, signal);
  // What it was in is gone already.
  if (real.code !== 0) return;
  if (real.stdout.toString() !== `${above}\n` || !whole.startsWith(`${root}/`))
    throw new LifeboatError('archive-unsafe', `${path} is to be deleted, and leads out of the container`);
  await host.run(['rm', '-rf', '--one-file-system', '--', whole], { timeoutMs: workMs }, signal);
}

const mountsSchema = z.array(z.object({ Type: z.string(), Name: z.string().nullish(), Destination: z.string() }));

/** As podman takes them: what else stands in a document leads elsewhere. */
const volumeName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** Volumes by where they are mounted: those without a name of their own have another one now. @param there volumes that were here before */
async function fillVolumes(
  host: Host,
  id: string,
  { container, content, members, keepVolumes = false }: RestoreRequest,
  there: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  const said = await say(host, ['podman', 'container', 'inspect', '--format', '{{json .Mounts}}', id], signal);
  const now = new Map(
    mountsSchema
      .parse(JSON.parse(said))
      .flatMap(({ Type, Name, Destination }): [string, string][] =>
        Type === 'volume' && Name ? [[Destination, Name]] : [],
      ),
  );
  const copied = new Set(members.map(({ path }) => path));
  for (const { kind, name: volume = '', destination } of container.mounts) {
    const into = now.get(destination);
    if (kind !== 'volume' || into === undefined || !volumeName.test(volume)) continue;
    if (!copied.has(`volumes/${volume}.tar`)) continue;
    if (there.has(into)) {
      if (keepVolumes) continue;
      throw new LifeboatError('exists', `there is a volume ${into} already, which is not overwritten`, {
        hint: '--keep-volumes takes it as it is.',
      });
    }
    await host.run(['podman', 'volume', 'import', into, fileOf(content, volume)], { timeoutMs: workMs }, signal);
  }
}

/** Those in its network or another of its namespaces, which would keep what ends with it. */
async function dependents(host: Host, id: string, signal: AbortSignal): Promise<readonly string[]> {
  const all = (await say(host, ['podman', 'ps', '--quiet', '--no-trunc'], signal))
    .split('\n')
    .filter((one) => one !== '');
  if (all.length === 0) return [];
  const format = ['--format', '{{.Name}} {{.Dependencies}}'] as const;
  const lines = (await say(host, ['podman', 'container', 'inspect', ...format, ...all], signal)).split('\n');
  return lines
    .filter((line) => line.includes(id))
    .map((line) => `${line.split(' ', 1)[0]} shares a namespace with it, which would be gone: stop that first`);
}
