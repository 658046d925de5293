/** Whether every program of a root filesystem would start: its loader, its libraries, or the interpreter of a script. */
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { dirname, join, normalize, relative } from 'node:path';
import { LifeboatError } from '../kernel/errors.ts';
import { readElf } from './elf.ts';
import type { Listed } from './layer-list.ts';

/** What is in the way of a program. */
export interface Missing {
  /** Relative to the root. */
  readonly path: string;
  /** A library, a loader or an interpreter. */
  readonly needs: string;
}

const libraryDirectories = ['usr/lib/x86_64-linux-gnu', 'usr/lib', 'lib/x86_64-linux-gnu', 'lib', 'lib64'];

/**
 * @param roots the layers that the root is put together of, what counts first
 * @param below a layer below them, the programs of which were looked at before
 */
export async function whatWouldNotStart(
  roots: readonly string[],
  below: readonly Listed[] = [],
): Promise<readonly Missing[]> {
  const layers = [...roots.map(unpacked), packed(below)];
  const missing: Missing[] = [];
  for (const root of roots) {
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
      const from = join(entry.parentPath, entry.name);
      const path = relative(root, from);
      if (!entry.isFile()) continue;
      const needs = await needsOf(from, path);
      for (const one of needs) if (!(await isAnywhere(one.places, layers))) missing.push({ path, needs: one.name });
    }
  }
  return missing;
}

/** @throws LifeboatError `rescue-incomplete` where anything is missing */
export function refuseMissing(missing: readonly Missing[], hint: string): void {
  if (missing.length === 0) return;
  const texts = missing.slice(0, 5).map(({ path, needs }) => `${path} needs ${needs}`);
  throw new LifeboatError('rescue-incomplete', `programs of the rescue system would not start: ${texts.join('; ')}`, {
    hint,
  });
}

interface Layer {
  has(path: string): Promise<boolean>;
  /** Where a link leads; `undefined` for what is none. */
  linkAt(path: string): Promise<string | undefined>;
}

const unpacked = (root: string): Layer => ({
  has: async (path) => (await lstat(join(root, path)).catch(() => undefined)) !== undefined,
  linkAt: async (path) => await readlink(join(root, path)).catch(() => undefined),
});

function packed(entries: readonly Listed[]): Layer {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  return {
    has: async (path) => await Promise.resolve(byPath.has(path)),
    linkAt: async (path) => await Promise.resolve(byPath.get(path)?.target),
  };
}

interface Need {
  readonly name: string;
  readonly places: readonly string[];
}

async function needsOf(from: string, path: string): Promise<readonly Need[]> {
  const elf = await readElf(from);
  if (elf === undefined) return await scriptNeeds(from);
  const own = elf.runPath.map((one) => one.replace(/\$ORIGIN|\$\{ORIGIN\}/, `/${dirname(path)}`).replace(/^\//, ''));
  const loader = elf.interpreter;
  return [
    ...(loader === undefined ? [] : [{ name: loader, places: [loader.slice(1)] }]),
    ...elf.needed.map((name) => ({
      name,
      places: [...own, dirname(path), ...libraryDirectories].map((directory) => normalize(join(directory, name))),
    })),
  ];
}

async function scriptNeeds(from: string): Promise<readonly Need[]> {
  if (((await lstat(from)).mode & 0o111) === 0) return [];
  await using file = await open(from);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, 0);
  const [, interpreter, first] = /^#! *\/(\S+)(?: +(\S+))?/.exec(buffer.toString('latin1', 0, bytesRead)) ?? [];
  if (interpreter === undefined) return [];
  // env(1) looks for it in the path of commands.
  if (!interpreter.endsWith('/env') || first === undefined) return [{ name: `/${interpreter}`, places: [interpreter] }];
  return [{ name: first, places: [`usr/bin/${first}`, `usr/sbin/${first}`] }];
}

async function isAnywhere(places: readonly string[], layers: readonly Layer[]): Promise<boolean> {
  for (const place of places) if (await isThere(place, layers)) return true;
  return false;
}

/** Follows symlinks as the running system will, with what all layers hold. */
async function isThere(path: string, layers: readonly Layer[], hops = 0): Promise<boolean> {
  if (hops > 40) return false;
  const parts = path.split('/').filter((part) => part !== '');
  for (let end = 1; end <= parts.length; end++) {
    const prefix = parts.slice(0, end).join('/');
    const link = await linkAt(prefix, layers);
    if (link === undefined) continue;
    const rest = parts.slice(end).join('/');
    const target = link.startsWith('/') ? link.slice(1) : join(dirname(prefix), link);
    return await isThere(join(target, rest), layers, hops + 1);
  }
  for (const layer of layers) if (await layer.has(path)) return true;
  return false;
}

async function linkAt(path: string, layers: readonly Layer[]): Promise<string | undefined> {
  for (const layer of layers) {
    const target = await layer.linkAt(path);
    if (target !== undefined) return target;
  }
  return undefined;
}
