/**
 * Processors, out of /proc/cpuinfo and /sys: both are there without any tool, and unlike the output of `lscpu` they have
 * not changed from one version to the next.
 */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import { contentsBelow } from './reading.ts';

export const cpuSchema = z.object({
  vendor: z.string().exactOptional(),
  family: z.string().exactOptional(),
  modelNumber: z.string().exactOptional(),
  stepping: z.string().exactOptional(),
  microcode: z.string().exactOptional(),
  /** What every online processor can do, sorted: `flags` of x86, `Features` of ARM. */
  flags: z.array(z.string()),
  sockets: z.number().int().nonnegative(),
  /** In all sockets together. */
  cores: z.number().int().nonnegative(),
  /** Online processors as the scheduler sees them; the same as `cpuCount`. */
  threads: z.number().int().nonnegative(),
});

export type Cpu = z.infer<typeof cpuSchema>;

export interface Cpuinfo {
  readonly count: number;
  readonly model?: string;
  readonly details: Omit<Cpu, 'sockets' | 'cores' | 'threads'>;
  /** Of x86; elsewhere /sys has it. */
  readonly topology?: Topology;
}

export interface Topology {
  readonly sockets: number;
  readonly cores: number;
}

type Block = ReadonlyMap<string, string>;

/** The same thing has another name on each architecture; the first that is there counts. */
const names = {
  model: ['model name', 'cpu model', 'Model', 'uarch', 'cpu'],
  vendor: ['vendor_id', 'CPU implementer', 'mvendorid'],
  family: ['cpu family', 'CPU architecture'],
  modelNumber: ['model', 'CPU part', 'marchid'],
  stepping: ['stepping', 'CPU revision', 'revision'],
  microcode: ['microcode'],
  flags: ['flags', 'Features', 'features', 'isa'],
} as const;

/** On arm64 there is no name of the model. */
export function parseCpuinfo(content: string): Cpuinfo {
  const blocks = content.split(/\n\s*\n/).map(parseBlock);
  // s390x has lines such as "processor 0: version = FF,  identification = ...".
  const processors = blocks.filter((block) => block.has('processor'));
  const count = processors.length || (content.match(/^processor \d+:/gm)?.length ?? 0);
  if (count === 0) throw new Error('no processor in it');
  const find = (keys: readonly string[]): string | undefined => {
    for (const key of keys) {
      for (const block of blocks) {
        const value = block.get(key);
        if (value !== undefined && value !== '') return value;
      }
    }
    return undefined;
  };
  const model = find(names.model);
  const flagSets = blocks.flatMap((block) => {
    const key = names.flags.find((name) => block.has(name));
    return key === undefined ? [] : [block.get(key) ?? ''];
  });
  const topology = topologyOf(processors.map((block) => [block.get('physical id'), block.get('core id')]));
  const details: Record<string, string> = {};
  for (const key of ['vendor', 'family', 'modelNumber', 'stepping', 'microcode'] as const) {
    const value = find(names[key]);
    if (value !== undefined) details[key] = value;
  }
  return {
    count,
    ...(model === undefined ? {} : { model }),
    details: { ...details, flags: commonFlags(flagSets) },
    ...(topology === undefined ? {} : { topology }),
  };
}

function parseBlock(text: string): Block {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  return fields;
}

/** In all processors: a process may be moved from one to another. */
function commonFlags(lists: readonly string[]): string[] {
  // Hundreds of processors say the very same line.
  const sets = [...new Set(lists)].map((list) => new Set(list.split(/\s+/).filter(Boolean)));
  const [first, ...rest] = sets;
  if (first === undefined) return [];
  return [...rest.reduce((common, set) => common.intersection(set), first)].sort();
}

/** Of pairs of package and core; `undefined` when one is not known. */
function topologyOf(pairs: readonly (readonly [string | undefined, string | undefined])[]): Topology | undefined {
  if (pairs.length === 0 || pairs.some(([socket, core]) => socket === undefined || core === undefined))
    return undefined;
  return {
    sockets: new Set(pairs.map(([socket]) => socket)).size,
    cores: new Set(pairs.map(([socket, core]) => `${socket} ${core}`)).size,
  };
}

/** `/sys/devices/system/cpu/cpuN/topology/`, which is there for online processors only. */
export function parseTopology(contents: ReadonlyMap<string, string>): Topology | undefined {
  const sockets = [...contents].filter(([path]) => path.endsWith('/physical_package_id'));
  return topologyOf(
    sockets.map(([path, socket]) => [
      // ARM without ACPI says -1: the kernel does not know, and there is one.
      socket === '-1' ? '0' : socket,
      contents.get(path.replace(/physical_package_id$/, 'core_id')),
    ]),
  );
}

const topologyFiles = ['-maxdepth', '3', '(', '-name', 'physical_package_id', '-o', '-name', 'core_id', ')'];

export async function captureCpu(asker: Asker): Promise<{ count: number; model?: string; cpu?: Cpu } | undefined> {
  const info = await asker.file('/proc/cpuinfo', parseCpuinfo);
  if (info === undefined) return undefined;
  const { count, model, details } = info;
  const topology = info.topology ?? (await askTopology(asker));
  return {
    count,
    ...(model === undefined ? {} : { model }),
    ...(topology === undefined ? {} : { cpu: { ...details, ...topology, threads: count } }),
  };
}

async function askTopology(asker: Asker): Promise<Topology | undefined> {
  const subject = 'CPU topology';
  const before = asker.gaps.length;
  const find = ['/sys/devices/system/cpu', ...topologyFiles];
  const topology = parseTopology(await contentsBelow(asker, { subject, find }));
  if (topology === undefined && asker.gaps.length === before) {
    asker.gap({ subject, problem: 'neither /proc/cpuinfo nor /sys tells it' });
  }
  return topology;
}
