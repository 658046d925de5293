/** A repository on a disk: in the rescue system nothing is mounted, so it is mounted where it was, and not written to. */
import { join } from 'node:path/posix';
import type { Host } from '../host/host.ts';
import { isWithin } from '../layout/mount-place.ts';
import type { Component, ComponentOf, Layout } from '../layout/types.ts';

export interface RepositoryDisk {
  /** Where it is mounted. */
  readonly path: string;
  readonly type: string;
  /** As mount(8) takes it. */
  readonly source: string;
  readonly options: readonly string[];
}

/**
 * What was mounted there, by the UUID or label of its filesystem, or by the server that it is on; `undefined` where nothing was, or the root.
 *
 * @param directory of the repository
 * @param captured the machine as it was
 */
export function repositoryDisk(directory: string, { components }: Layout): RepositoryDisk | undefined {
  const mounts = components.filter(
    (one): one is ComponentOf<'mount'> => one.kind === 'mount' && one.hidden !== true && isWithin(directory, one.path),
  );
  const [mount] = mounts.toSorted((a, b) => b.path.length - a.path.length);
  if (mount === undefined || mount.path === '/') return undefined;
  const { path, fstype, category, source, root } = mount;
  if (category === 'network') return { path, type: fstype, source, options: ['ro'] };
  const byId = new Map(components.map((component) => [component.id, component]));
  let shown: Component | undefined = byId.get(mount.on[0] ?? '');
  while (shown?.kind === 'subvolume') shown = byId.get(shown.on[0] ?? '');
  const uuid = shown !== undefined && 'uuid' in shown ? shown.uuid : undefined;
  if (category !== 'local' || uuid === undefined) return undefined;
  return {
    path,
    type: fstype,
    source: `UUID=${uuid}`,
    options: ['ro', ...(fstype === 'btrfs' ? [`subvol=${root}`] : [])],
  };
}

/** A journal that is not clean cannot be replayed on what may not be written to; then it is left alone. */
const withoutJournal: Readonly<Record<string, string>> = {
  ext3: 'noload',
  ext4: 'noload',
  xfs: 'norecovery',
  btrfs: 'rescue=nologreplay',
};

/** The marker by which a repository is known. */
const marker = 'lifeboat/repository.json';

/**
 * Mounts it where nothing of the repository is.
 *
 * @returns what was mounted, for a person; `undefined` where there was no need or no way
 */
export async function mountRepository(
  directory: string,
  captured: Layout,
  host: Host,
  signal: AbortSignal,
): Promise<string | undefined> {
  const isThere = async (): Promise<boolean> =>
    (await host.run(['test', '-e', join(directory, marker)], { okCodes: [0, 1] }, signal)).code === 0;
  const disk = repositoryDisk(directory, captured);
  if (disk === undefined || (await isThere())) return undefined;
  const { path, type, source, options } = disk;
  await host.run(['mkdir', '-p', '--', path], {}, signal);
  for (const more of [[], withoutJournal[type] ?? []].map((one) => [one].flat())) {
    const argv = ['mount', '-t', type, '-o', [...options, ...more].join(','), '--', source, path] as const;
    const { code } = await host.run(argv, { okCodes: [0, 1, 2, 4, 8, 16, 32], timeoutMs: 120_000 }, signal);
    if (code === 0) return `${source} is mounted at ${path}, read-only, for the repository`;
  }
  return undefined;
}
