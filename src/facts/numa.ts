/** NUMA nodes: which processors and how much memory each has, and how far it is from one to another. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import { type Places, places } from './places.ts';
import { type Contents, contentsBelow } from './reading.ts';

export const numaNodeSchema = z.object({
  node: z.number().int().nonnegative(),
  /** Numbers of processors. Empty for a node that is memory alone. */
  cpus: z.array(z.number().int().nonnegative()),
  memoryBytes: z.number().int().nonnegative(),
  /** To each node, in the order of the nodes here; 10 is the node itself. */
  distances: z.array(z.number().int().positive()),
});

export const numaSchema = z.array(numaNodeSchema).superRefine((nodes, context) => {
  const numbers = new Set<number>();
  for (const [index, { node, distances }] of nodes.entries()) {
    if (numbers.has(node)) {
      context.addIssue({ code: 'custom', path: [index, 'node'], message: `node ${node} is there twice` });
    }
    numbers.add(node);
    if (distances.length !== nodes.length) {
      const message = `${distances.length} distances for ${nodes.length} nodes`;
      context.addIssue({ code: 'custom', path: [index, 'distances'], message });
    }
  }
});

export type NumaNode = z.infer<typeof numaNodeSchema>;

/** `0-3,8` → 0 1 2 3 8. The kernel's largest number of processors bounds it. */
export function parseCpuList(text: string): number[] {
  const numbers: number[] = [];
  for (const part of text.trim().split(',')) {
    if (part === '') continue;
    const [, from, to] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part) ?? [];
    if (from === undefined) throw new Error('not a list of processors');
    for (let cpu = Number(from); cpu <= Number(to ?? from); cpu++) numbers.push(cpu);
  }
  return numbers;
}

/** @throws Error for files that do not belong together */
export function parseNuma(contents: Contents): NumaNode[] {
  const numbers = new Set<number>();
  for (const path of contents.keys()) {
    const digits = /\/node(\d+)\/(?:cpulist|distance|meminfo)$/.exec(path)?.[1];
    if (digits !== undefined) numbers.add(Number(digits));
  }
  const nodes = [...numbers].sort((a, b) => a - b);
  return nodes.map((node) => {
    const file = (name: string): string => contents.get(`${places.numa}/node${node}/${name}`) ?? '';
    const distances = file('distance').trim().split(/\s+/).map(Number);
    if (distances.length !== nodes.length || distances.some((distance) => !(distance > 0))) {
      throw new Error('as many distances as nodes were expected');
    }
    const kib = /MemTotal:\s*(\d+) kB/.exec(file('meminfo'))?.[1] ?? '0';
    return { node, cpus: parseCpuList(file('cpulist')), memoryBytes: Number(kib) * 1024, distances };
  });
}

const files = ['-maxdepth', '2', '(', '-name', 'cpulist', '-o', '-name', 'distance', '-o', '-name', 'meminfo', ')'];

/** Lists and distances begin with a digit; of the memory one line counts. */
const pattern = '^[0-9]|MemTotal:';

/** Empty where the kernel is built without NUMA: that is one node, with everything. */
export async function captureNuma(asker: Asker, there: Places): Promise<NumaNode[] | undefined> {
  if (!there.has('numa')) return there.unknown === true ? undefined : [];
  const subject = 'NUMA nodes';
  const contents = await contentsBelow(asker, { subject, find: [places.numa, ...files], pattern, never: 'empty' });
  if (asker.gaps.some((gap) => gap.subject === subject)) return undefined;
  try {
    return parseNuma(contents);
  } catch (error) {
    asker.gap({ subject, problem: `${places.numa}: ${error instanceof Error ? error.message : 'not understood'}` });
    return undefined;
  }
}
