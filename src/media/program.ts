/** The program itself, as it goes onto a medium: what runs, without what it was made from. */
import { cp, mkdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';

const manifestSchema = z.object({
  dependencies: z.record(z.string(), z.string()).default({}),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
});

/** What nothing reads at run time. */
const idle =
  /\.(map|ts|mts|cts|md|markdown|tsbuildinfo|flow|o|gyp|gypi|c|cc|cpp|h)$|\/(test|tests|docs|example|examples|benchmark|\.github|\.compile-cache)$/;

/**
 * Copies it with the packages that it needs.
 *
 * @param from its folder, with `package.json`
 */
export async function copyProgram(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const shipped = join(from, 'rescue/cache');
  const filter = (path: string): boolean => !idle.test(path) && path !== shipped;
  for (const name of ['package.json', 'bin', 'dist/program', 'rescue', 'native/build']) {
    await cp(join(from, name), join(to, name), { recursive: true, filter, verbatimSymlinks: true });
  }
  for (const name of await needed(from)) {
    const filter = (path: string): boolean => !idle.test(path) && basename(path) !== 'prebuilds';
    await cp(join(from, 'node_modules', name), join(to, 'node_modules', name), { recursive: true, filter });
  }
}

/** Names of all packages that it runs with, whose own packages lie beside them. */
async function needed(from: string): Promise<readonly string[]> {
  const names = new Set<string>();
  const visit = async (folder: string): Promise<void> => {
    const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => undefined);
    if (text === undefined) return;
    const { dependencies } = manifestSchema.parse(JSON.parse(text));
    for (const name of Object.keys(dependencies)) {
      if (names.has(name) || buildOnly.has(name)) continue;
      names.add(name);
      await visit(join(from, 'node_modules', name));
    }
  };
  await visit(from);
  return [...names].sort();
}

/** Needed to build the addon, which is there. */
const buildOnly: ReadonlySet<string> = new Set(['node-api-headers']);
