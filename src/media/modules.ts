/** The modules of a kernel: which of them a rescue system takes along, with all that they need. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { LifeboatError } from '../kernel/errors.ts';

export interface KernelModules {
  /** Release of the kernel, as `uname -r` gives it. */
  readonly version: string;
  /** Where they are. */
  readonly directory: string;
  /** What each file needs, in the order in which it is loaded; paths relative to {@link directory}. */
  readonly needs: ReadonlyMap<string, readonly string[]>;
}

/**
 * @param modulesRoot `/lib/modules` of the host, or of what a kernel's package was unpacked to
 * @throws LifeboatError `not-found` for a kernel of which there are no modules, or without an index of them
 */
export async function readModules(modulesRoot: string, version: string): Promise<KernelModules> {
  const directory = join(modulesRoot, version);
  const text = await readFile(join(directory, 'modules.dep'), 'utf8').catch((cause: unknown) => {
    throw new LifeboatError('not-found', `no modules of the kernel ${version} in ${modulesRoot}`, {
      hint: "Take Debian's own kernel with --kernel debian, or make the index with depmod.",
      cause,
    });
  });
  return { version, directory, needs: parseNeeds(text) };
}

/** Source: modules.dep(5). */
export function parseNeeds(text: string): ReadonlyMap<string, readonly string[]> {
  return new Map(
    text.split('\n').flatMap((line) => {
      const [, file, needs] = /^([^:]+):(.*)$/.exec(line) ?? [];
      return file === undefined || needs === undefined ? [] : [[file, needs.split(' ').filter((one) => one !== '')]];
    }),
  );
}

/** `kernel/fs/ext4/ext4.ko.xz` is `ext4`; the kernel takes `-` and `_` for the same. */
export const moduleName = (file: string): string =>
  basename(file)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');

/** Which modules are wanted. Expressions are for paths below `kernel/`, without what a file is compressed by. */
export interface ModuleChoice {
  readonly takes: readonly RegExp[];
  /** What nobody rescues by: not taken, unless something that is needs it. */
  readonly leaves: readonly RegExp[];
}

/**
 * Files of modules with all that those need, sorted.
 *
 * @param names of modules besides
 */
export function closureOf(
  { needs }: KernelModules,
  { takes, leaves }: ModuleChoice,
  names: ReadonlySet<string> = new Set(),
): readonly string[] {
  const taken = new Set<string>();
  for (const file of needs.keys()) {
    const path = file.replace(/^kernel\//, '').replace(/\.(xz|zst|gz)$/, '');
    const isOneOf = (patterns: readonly RegExp[]): boolean => patterns.some((pattern) => pattern.test(path));
    if ((isOneOf(takes) || names.has(moduleName(file))) && !isOneOf(leaves)) taken.add(file);
  }
  for (const file of taken) for (const one of needs.get(file) ?? []) taken.add(one);
  return [...taken].sort();
}

/** Of a list in `rescue/`: an expression to a line, after a `-` for what is left out. */
export async function readChoice(path: string): Promise<ModuleChoice> {
  const lines = (await readFile(path, 'utf8')).split('\n').map((line) => line.trim());
  const all = lines.filter((line) => line !== '' && !line.startsWith('#'));
  const leaves = all.filter((line) => line.startsWith('-')).map((line) => line.slice(1));
  const takes = all.filter((line) => !line.startsWith('-'));
  const anchored = (line: string): RegExp => new RegExp(`^(${line})`);
  return { takes: takes.map(anchored), leaves: leaves.map(anchored) };
}

/** Names of what is a part of the kernel itself. @param directory of its modules */
export async function builtIn(directory: string): Promise<ReadonlySet<string>> {
  const text = await readFile(join(directory, 'modules.builtin'), 'utf8');
  return new Set(text.trim().split('\n').map(moduleName));
}

/** Those that run in the kernel just now. */
export async function loadedModules(): Promise<ReadonlySet<string>> {
  return new Set(await readdir('/sys/module'));
}
