/** Subvolumes of the btrfs filesystems that are mounted: each is asked at one of its mounts. */
import type { Asker } from '../host/asker.ts';
import { bounded } from '../host/bounded.ts';
import type { Argv } from '../host/host.ts';
import {
  compressionArgv,
  defaultArgv,
  parseCompression,
  parseDefault,
  parseNumbers,
  parseQuota,
  parseSubvolumes,
  type Qgroup,
  quotaArgv,
  quotaOkCodes,
  readOnlyArgv,
  type SubvolumeEntry,
  subvolumesArgv,
} from './tools/btrfs.ts';
import type { MountEntry } from './tools/findmnt.ts';
import { lsattrArgv, parseLsattr } from './tools/lsattr.ts';

export interface Subvolume extends SubvolumeEntry {
  readonly readOnly: boolean;
  /** Letters of lsattr(1), where a mount shows it. */
  readonly attributes?: string;
  /** What new files in it are compressed by, where that is a property of it. */
  readonly compression?: string;
  /** Of the quota group of this subvolume alone. */
  readonly quota?: Qgroup;
}

export interface Subvolumes {
  readonly list: readonly Subvolume[];
  /** Of the subvolume that a mount without options shows; 5 is the top. */
  readonly defaultNumber?: number;
  /** Absent when quotas are off. */
  readonly quota?: readonly Qgroup[];
}

/** @param mounts of one filesystem, not hidden */
export async function askSubvolumes(asker: Asker, mounts: readonly MountEntry[]): Promise<Subvolumes | undefined> {
  const [first] = mounts;
  if (first === undefined) return undefined;
  const within = bounded(asker);
  const path = first.target;
  const subject = `subvolumes at ${path}`;
  const [list, readOnly, defaultNumber, quota] = await Promise.all([
    within.ask({ argv: subvolumesArgv(path), parse: parseSubvolumes, subject }),
    within.ask({ argv: readOnlyArgv(path), parse: parseNumbers, subject }),
    within.ask({ argv: defaultArgv(path), parse: parseDefault, subject }),
    within.ask({ argv: quotaArgv(path), okCodes: quotaOkCodes, parse: parseQuotaOrOff, subject: `quota at ${path}` }),
  ]);
  if (list === undefined) return undefined;
  const groups = quota?.groups;
  const byId = new Map(groups?.map((group) => [group.id, group]));
  const attributes = await askAttributes(within, list, mounts);
  const compressions = await askCompressions(within, list, attributes, mounts);
  return {
    ...(defaultNumber === undefined ? {} : { defaultNumber }),
    ...(groups === undefined ? {} : { quota: groups }),
    list: list.map((entry) => {
      const group = byId.get(`0/${entry.number}`);
      const letters = attributes.get(entry.path);
      const compression = compressions.get(entry.path);
      return {
        ...entry,
        readOnly: readOnly?.has(entry.number) ?? false,
        ...(letters === undefined ? {} : { attributes: letters }),
        ...(compression === undefined ? {} : { compression }),
        ...(group === undefined ? {} : { quota: group }),
      };
    }),
  };
}

function parseQuotaOrOff(stdout: string, stderr: string): { groups: Qgroup[] | undefined } {
  return { groups: parseQuota(stdout, stderr) };
}

/** So many names fit into one command. */
const namesAtOnce = 500;

async function askAttributes(
  asker: Asker,
  list: readonly SubvolumeEntry[],
  mounts: readonly MountEntry[],
): Promise<Map<string, string>> {
  const shown = list.flatMap(({ path }) => {
    const at = placeOf(path, mounts);
    // lsattr prints a line for each name, so one with a newline in it cannot be told apart.
    return at === undefined || at.includes('\n') || !at.isWellFormed() ? [] : [{ path, at }];
  });
  const found = new Map<string, string>();
  for (let from = 0; from < shown.length; from += namesAtOnce) {
    const some = shown.slice(from, from + namesAtOnce);
    const [first, ...rest] = some.map(({ at }) => at);
    if (first === undefined) break;
    const argv: Argv = lsattrArgv([first, ...rest]);
    const letters = await asker.ask({ argv, okCodes: [0, 1], parse: parseLsattr, subject: 'attributes of subvolumes' });
    for (const { path, at } of some) {
      const seen = letters?.get(at);
      if (seen !== undefined) found.set(path, seen);
    }
  }
  return found;
}

/** Of those few whose letters say that there is such a property. */
async function askCompressions(
  asker: Asker,
  list: readonly SubvolumeEntry[],
  attributes: ReadonlyMap<string, string>,
  mounts: readonly MountEntry[],
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  await Promise.all(
    list.map(async ({ path }) => {
      const at = placeOf(path, mounts);
      if (at === undefined || attributes.get(path)?.includes('c') !== true) return;
      const said = await asker.ask({
        argv: compressionArgv(at),
        parse: (stdout) => ({ name: parseCompression(stdout) }),
        subject: 'compression of subvolumes',
      });
      if (said?.name !== undefined) found.set(path, said.name);
    }),
  );
  return found;
}

/** Where on the host a subvolume is to be seen. */
function placeOf(path: string, mounts: readonly MountEntry[]): string | undefined {
  const full = `/${path}`;
  for (const { root, target } of mounts) {
    if (full === root) return target;
    const above = root === '/' ? '/' : `${root}/`;
    if (full.startsWith(above)) return `${target === '/' ? '' : target}/${full.slice(above.length)}`;
  }
  return undefined;
}
