import { z } from 'zod';
import type { Argv } from '../../host/host.ts';

/** Reads the mount table only: no mount is touched, so a dead one does not hang it. */
export const findmntArgv: Argv = [
  'findmnt',
  '-J',
  '-b',
  '-l',
  '-v',
  '-o',
  'TARGET,SOURCE,FSTYPE,OPTIONS,FSROOT,MAJ:MIN',
];

/** Asks the filesystems of these types for their sizes. */
export function findmntSizesArgv(types: readonly string[]): Argv {
  return ['findmnt', '-J', '-b', '-l', '-o', 'TARGET,SIZE,USED', '-t', types.join(',')];
}

/** The same for one path, for a mount that may not answer. */
export function statArgv(path: string): Argv {
  return ['stat', '-f', '-c', '%S %b %f', '--', path];
}

const text = z.string().nullish();

const mountSchema = z.object({
  target: z.string(),
  source: text,
  fstype: text,
  options: text,
  fsroot: text,
  'maj:min': text,
  get children() {
    return z.array(mountSchema).exactOptional();
  },
});

/** One line of the mount table, in its order. */
export interface MountEntry {
  readonly target: string;
  readonly source: string;
  readonly fstype: string;
  readonly options: string;
  readonly root: string;
  /** `major:minor`; major 0 is a filesystem without a device of its own. */
  readonly number: string;
  /** Its path leads to another mount, which lies over it. */
  readonly hidden?: true;
}

export function parseFindmnt(stdout: string): MountEntry[] {
  const { filesystems } = z.object({ filesystems: z.array(mountSchema) }).parse(JSON.parse(stdout));
  const entries: MountEntry[] = [];
  const visit = (node: z.infer<typeof mountSchema>): void => {
    entries.push({
      target: node.target,
      source: node.source ?? 'none',
      fstype: node.fstype ?? 'none',
      options: node.options ?? '',
      root: node.fsroot ?? '/',
      number: node['maj:min']?.trim() ?? '0:0',
    });
    for (const child of node.children ?? []) visit(child);
  };
  for (const node of filesystems) visit(node);
  return entries;
}

export interface Space {
  readonly sizeBytes: number;
  readonly usedBytes: number;
}

const number = z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)]).nullish();

/** Sizes by path. */
export function parseFindmntSizes(stdout: string): Map<string, Space> {
  const schema = z.object({ filesystems: z.array(z.object({ target: z.string(), size: number, used: number })) });
  const sizes = new Map<string, Space>();
  for (const { target, size, used } of schema.parse(JSON.parse(stdout)).filesystems) {
    if (size != null && used != null) sizes.set(target, { sizeBytes: size, usedBytes: used });
  }
  return sizes;
}

export function parseStat(stdout: string): Space {
  const [, unit, blocks, free] = /^(\d+) (\d+) (\d+)\n?$/.exec(stdout) ?? [];
  if (unit === undefined) throw new Error('not three numbers');
  return { sizeBytes: Number(unit) * Number(blocks), usedBytes: Number(unit) * (Number(blocks) - Number(free)) };
}
