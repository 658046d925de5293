/** How much of each mounted filesystem is used, without waiting for the dead ones. */
import type { Asker } from '../host/asker.ts';
import { bounded } from '../host/bounded.ts';
import { mayHang, typeCategory } from './mount-category.ts';
import {
  findmntSizesArgv,
  type MountEntry,
  parseFindmntSizes,
  parseStat,
  type Space,
  statArgv,
} from './tools/findmnt.ts';

/** For all mounts that may not answer, together. */
const patience = { atOnce: 16, budgetMs: 10_000 } as const;

/** Space by mount path. */
export async function askSpace(asker: Asker, mounts: readonly MountEntry[]): Promise<Map<string, Space>> {
  const asked = mounts.filter(({ fstype }) => typeCategory(fstype) !== 'pseudo');
  const doubtful = [...new Set(asked.filter(({ fstype }) => mayHang(fstype)).map(({ target }) => target))];
  // A dead mount also holds up who only walks through it.
  const through = doubtful.map((path) => `${path}/`);
  const sure = asked.filter(
    ({ fstype, target }) => !mayHang(fstype) && !through.some((path) => target.startsWith(path)),
  );
  const types = [...new Set(sure.map(({ fstype }) => fstype))].sort();
  const space = new Map<string, Space>();
  const [sizes] = await Promise.all([
    types.length === 0 || doubtful.includes('/')
      ? undefined
      : asker.ask({
          argv: findmntSizesArgv(types),
          parse: parseFindmntSizes,
          subject: 'used space of filesystems',
        }),
    askDoubtful(asker, doubtful, space),
  ]);
  for (const [path, found] of sizes ?? []) space.set(path, found);
  return space;
}

async function askDoubtful(asker: Asker, paths: readonly string[], space: Map<string, Space>): Promise<void> {
  const within = bounded(asker, patience);
  await Promise.all(
    paths.map(async (path) => {
      const found = await within.ask({ argv: statArgv(path), parse: parseStat, subject: path });
      if (found !== undefined) space.set(path, found);
    }),
  );
}
