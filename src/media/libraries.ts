/** Libraries that nothing in a root filesystem uses any more, once the programs that came with them were left out. */
import { lstat, readdir, readlink, rm } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { readElf } from './elf.ts';

const place = 'usr/lib/x86_64-linux-gnu';

/** Loaded by name while a program runs: by the C library, by udev for modules and by what watches LVM. */
const byName = /^(libnss_|libgcc_s|libkmod|libdevmapper-event-|ld-linux)/;

/** Removes those in the directory of libraries itself; what lies in folders below are plug-ins. */
export async function removeUnused(root: string): Promise<void> {
  const directory = join(root, place);
  const names = (await readdir(directory, { withFileTypes: true })).filter((entry) => !entry.isDirectory());
  const files = new Map<string, string>();
  for (const { name } of names) {
    if (!/\.so(\.|$)/.test(name)) continue;
    const target = (await lstat(join(directory, name))).isSymbolicLink() ? await readlink(join(directory, name)) : name;
    files.set(name, basename(target));
  }
  const used = new Set<string>();
  const queue: string[] = [];
  const use = (name: string): void => {
    if (!files.has(name) || used.has(name)) return;
    used.add(name);
    queue.push(name);
    use(files.get(name) ?? '');
  };
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const from = join(entry.parentPath, entry.name);
    if (!entry.isFile() || dirname(relative(root, from)) === place) continue;
    for (const name of (await readElf(from))?.needed ?? []) use(name);
  }
  for (const name of files.keys()) if (byName.test(name)) use(name);
  for (const name of queue) {
    if (files.get(name) !== name) continue;
    for (const one of (await readElf(join(directory, name)))?.needed ?? []) use(one);
  }
  for (const name of files.keys()) if (!used.has(name)) await rm(join(directory, name));
}
