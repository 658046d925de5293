/** Modules of the kernel with their parameters: what a rescue medium for this machine needs. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import { redactSetting } from '../kernel/redact-command.ts';
import { type Contents, contentsBelow } from './reading.ts';

export const moduleSchema = z.object({
  name: z.string(),
  /** Part of the kernel itself: listed only where it has parameters. */
  builtin: z.boolean(),
  /** Modules that need this one. */
  usedBy: z.array(z.string()),
  parameters: z.record(z.string(), z.string()),
});

export type Module = z.infer<typeof moduleSchema>;

/** Name → the modules that use it. */
export function parseModules(content: string): Map<string, string[]> {
  const modules = new Map<string, string[]>();
  for (const line of content.split('\n')) {
    if (line === '') continue;
    const [, name, users] = /^(\S+) \d+ (?:-|-?\d+) (\S+)/.exec(line) ?? [];
    if (name === undefined || users === undefined) throw new Error('not a list of modules');
    // "[permanent]" is said of a module that cannot be taken out.
    const usedBy = users.split(',').filter((user) => user !== '' && user !== '-' && !user.startsWith('['));
    modules.set(name, usedBy.sort());
  }
  return modules;
}

/** @param loaded `undefined` for a kernel that has no loadable modules */
export function modulesOf(loaded: ReadonlyMap<string, string[]> | undefined, contents: Contents): Module[] {
  const parameters = new Map<string, [string, string][]>();
  for (const [path, value] of contents) {
    const [, name, parameter] = /^\/sys\/module\/([^/]+)\/parameters\/([^/]+)$/.exec(path) ?? [];
    if (name === undefined || parameter === undefined) continue;
    const known = parameters.get(name) ?? [];
    known.push([parameter, redactSetting(parameter, value)]);
    parameters.set(name, known);
  }
  const names = new Set([...(loaded?.keys() ?? []), ...parameters.keys()]);
  return [...names].sort().map((name) => ({
    name,
    builtin: !(loaded?.has(name) ?? false),
    usedBy: loaded?.get(name) ?? [],
    parameters: Object.fromEntries(parameters.get(name)?.sort(byName) ?? []),
  }));
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Those without permission to be read are for writing only. */
const parameterFiles = ['-mindepth', '3', '-maxdepth', '3', '-path', '*/parameters/*', '-type', 'f', '-perm', '-400'];

export async function captureModules(asker: Asker): Promise<Module[] | undefined> {
  const before = asker.gaps.length;
  const [loaded, contents] = await Promise.all([
    asker.file('/proc/modules', parseModules, { mayBeAbsent: true }),
    askParameters(asker),
  ]);
  const failed = asker.gaps.slice(before).some(({ subject }) => subject === '/proc/modules');
  return failed ? undefined : modulesOf(loaded, contents);
}

/** Some may be read by root alone; others of the same module still tell what it is set to, so that is no gap. No kernel is without any. */
async function askParameters(asker: Asker): Promise<Contents> {
  const quiet: Asker = {
    ...asker,
    gap(gap) {
      if (!gap.problem.startsWith('not allowed')) asker.gap(gap);
    },
  };
  return await contentsBelow(quiet, {
    subject: 'module parameters',
    find: ['/sys/module', ...parameterFiles],
    never: 'empty',
  });
}
