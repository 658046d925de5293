/** Containers of a host in a point: what is captured of them, and which of their files only this host has. */
import { z } from 'zod';
import { patternsWithin } from '../engine/patterns.ts';
import { isWithin } from '../layout/mount-place.ts';
import type { Layout } from '../layout/types.ts';
import { containerSchema, type Container } from '../runtime/model/container.ts';
import { layersToPull, storedImageSchema } from '../runtime/model/image.ts';
import { ownRoot } from '../runtime/model/storage.ts';
import { domainsOf, holding } from './domains.ts';
import { type Including, includedPaths } from './include.ts';
import { normalised } from './paths.ts';

export const capturedContainersSchema = z.object({
  /** Without what looks like a secret: that is in the files of the runtime, which are part of the data. */
  containers: z.array(containerSchema),
  images: z.array(storedImageSchema),
  /** Where what only this host has of them lies, without symbolic links. */
  data: z.array(z.string()),
});

export type CapturedContainers = z.infer<typeof capturedContainersSchema>;

/** A tree of processes without a runtime has nothing of its own but what its programs have opened: a backup takes nothing for its sake. */
export const hasFiles = ({ runtime }: Pick<Container, 'runtime'>): boolean => runtime !== 'process';

/**
 * What a runtime keeps of its containers, and what they have written, as its runtime names the places. A directory of the host that is mounted into
 * one is not among them: that is a part of the host, and whether it is backed up its owner has said.
 */
export function containerData(containers: readonly Container[]): string[] {
  const paths = containers
    .filter(hasFiles)
    .flatMap(({ storage = [], rootfs, mounts }) => [
      ...storage,
      ...[ownRoot(rootfs)].filter((path) => path !== undefined),
      ...mounts.flatMap(({ kind, source }) => (kind === 'volume' && source !== undefined ? [source] : [])),
    ]);
  return [...new Set(paths.map(normalised))].filter((path) => path.startsWith('/') && path !== '/').sort();
}

/** What a backup takes and leaves by its configuration and for the sake of containers. */
export interface Taking {
  readonly include: readonly string[];
  /** Of these, the ones that are stored although a pattern names them. */
  readonly keep: readonly string[];
  /** Directories of layers that are listed and not copied. */
  readonly imageLayers: readonly string[];
}

export interface Choosing extends Including {
  readonly exclude: readonly string[];
  readonly containerData: boolean;
  readonly containerImages: 'local' | 'all';
}

/** @param captured `undefined` for a point of before */
export function taking(
  backup: Choosing,
  layout: Pick<Layout, 'components'>,
  captured: CapturedContainers | undefined,
): Taking {
  const include = includedPaths(backup, layout);
  const imageLayers = backup.containerImages === 'all' || captured === undefined ? [] : layersToPull(captured.images);
  const data = backup.containerData ? (captured?.data ?? []) : [];
  const keep = notTaken(data, { include, exclude: backup.exclude }, layout);
  return { include: [...new Set([...include, ...keep])], keep, imageLayers };
}

/** Those that the walk would not come to, or not wholly; one in another of them is taken with that. */
function notTaken(
  paths: readonly string[],
  { include, exclude }: Pick<Choosing, 'include' | 'exclude'>,
  layout: Pick<Layout, 'components'>,
): string[] {
  const domains = domainsOf(layout);
  const roots = include.map(normalised);
  const found: string[] = [];
  for (const path of paths) {
    const domain = holding(domains, path);
    // What comes from elsewhere, or is made anew at each start, is not this host's.
    const { category, path: mounted } = domain?.mount ?? {};
    if (category !== 'local' && category !== 'bind' && mounted !== '/') continue;
    const reaches = (top: string): boolean => isWithin(path, top) && holding(domains, top) === domain;
    if (found.some(reaches)) continue;
    if (!roots.some(reaches) || patternsWithin([path], exclude).length < exclude.length) found.push(path);
  }
  return found;
}
