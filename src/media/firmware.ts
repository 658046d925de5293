/** Firmware: what drivers load into cards, and cards do not work without. */
import { copyFile, glob, mkdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Tools } from './tools.ts';

/** Where this host has it, in the order in which its kernel looks. */
export const ownFirmware = (version: string): readonly string[] =>
  [`updates/${version}`, 'updates', version, ''].map((name) => join('/lib/firmware', name));

/** A module that asks for firmware of which nothing was found. */
export interface Unserved {
  readonly module: string;
  readonly firmware: readonly string[];
}

/**
 * Puts what these modules ask for below `<root>/usr/lib/firmware`. Of the names that a module gives, versions among them, those are taken
 * that there are.
 *
 * @param files of modules
 * @param directories where firmware lies, what counts first; packed as the kernel takes it, or plain
 * @returns modules for which nothing was found
 */
export async function addFirmware(
  files: readonly string[],
  directories: readonly string[],
  root: string,
  tools: Tools,
  signal: AbortSignal,
): Promise<readonly Unserved[]> {
  if (files.length === 0) return [];
  const { stdout } = await tools.run('modinfo', ['-0', ...files], { timeoutMs: 600_000 }, signal);
  const unserved: Unserved[] = [];
  for (const { module, firmware } of parseModinfo(stdout.toString('latin1'))) {
    let count = 0;
    for (const name of firmware) count += await addNamed(name, directories, join(root, 'usr/lib/firmware'));
    if (count === 0 && firmware.length > 0) unserved.push({ module, firmware });
  }
  return unserved;
}

/** Source: modinfo(8): fields as `name:value`, of one module after the other, each of which begins with its file. */
export function parseModinfo(text: string): readonly Unserved[] {
  const modules: { module: string; firmware: string[] }[] = [];
  for (const field of text.split('\0')) {
    const [, name, value = ''] = /^\s*(\w+):\s*(.*)$/.exec(field) ?? [];
    if (name === 'filename')
      modules.push({ module: value.replace(/^.*\/|\.ko(\.\w+)?$/g, '').replaceAll('-', '_'), firmware: [] });
    if (name === 'firmware') modules.at(-1)?.firmware.push(value);
  }
  return modules;
}

/** @param name may be a pattern */
async function addNamed(name: string, directories: readonly string[], target: string): Promise<number> {
  for (const directory of directories) {
    const found = await Array.fromAsync(glob(`${name}{,.xz,.zst}`, { cwd: directory }));
    for (const path of found) {
      const to = join(target, relative(directory, join(directory, path)));
      await mkdir(dirname(to), { recursive: true });
      // Not the links by which some of them share their content, which would lead nowhere.
      await copyFile(join(directory, path), to);
    }
    if (found.length > 0) return found.length;
  }
  return 0;
}
