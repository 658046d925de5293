/** The files of a cgroup of version 2, out of a directory or as a runtime was told to write them. */
import { present } from '../../kernel/present.ts';
import type { LimitsV2 } from '../model/limits.ts';
import { filled } from './loss.ts';
import { flagOf, hugepagesOf, keyed, limitOf, throttleOf, type CgroupFiles } from './values.ts';

/** What is the kernel's default is left out. */
export function parseV2(files: CgroupFiles): LimitsV2 {
  const [quota, period] = (files.get('cpu.max') ?? '').trim().split(/\s+/);
  const quotaUs = limitOf(quota);
  const weights = keyed(files.get('io.weight'));
  const latency = (files.get('io.latency') ?? '').matchAll(/^(\d+:\d+) target=(\d+)/gm);
  const latencyUs = Object.fromEntries([...latency].map(([, device, us]) => [device ?? '', Number(us)]));
  const deviceWeights = [...weights].flatMap(([device, value]) =>
    device === 'default' ? [] : [{ device, weight: value }],
  );
  return {
    version: 2,
    ...filled('cpu', {
      weight: other(limitOf(files.get('cpu.weight')), 100),
      quotaUs,
      periodUs: quotaUs === undefined ? undefined : limitOf(period),
      burstUs: other(limitOf(files.get('cpu.max.burst')), 0),
      idle: flagOf(files.get('cpu.idle')),
    }),
    ...filled('cpuset', {
      cpus: files.get('cpuset.cpus')?.trim() || undefined,
      mems: files.get('cpuset.mems')?.trim() || undefined,
      partition: partitionOf(files.get('cpuset.cpus.partition')),
    }),
    ...filled('memory', {
      maxBytes: limitOf(files.get('memory.max')),
      highBytes: limitOf(files.get('memory.high')),
      lowBytes: other(limitOf(files.get('memory.low')), 0),
      minBytes: other(limitOf(files.get('memory.min')), 0),
      swapMaxBytes: limitOf(files.get('memory.swap.max')),
      zswapMaxBytes: limitOf(files.get('memory.zswap.max')),
      oomGroup: flagOf(files.get('memory.oom.group')),
    }),
    ...filled('io', {
      weight: other(weights.get('default'), 100),
      bfqWeight: other(keyed(files.get('io.bfq.weight')).get('default'), 100),
      deviceWeights: deviceWeights.length === 0 ? undefined : deviceWeights,
      throttle: throttleOf(files.get('io.max')),
      latencyUs: Object.keys(latencyUs).length === 0 ? undefined : latencyUs,
    }),
    ...present({
      pids: limitOf(files.get('pids.max')),
      hugepages: hugepagesOf(files, /^hugetlb\.(\w+)\.max$/),
      frozen: flagOf(files.get('cgroup.freeze')),
    }),
  };
}

/** The names that {@link parseV2} looks at. */
export const filesV2: readonly string[] = [
  'cpu.weight',
  'cpu.max',
  'cpu.max.burst',
  'cpu.idle',
  'cpuset.cpus',
  'cpuset.mems',
  'cpuset.cpus.partition',
  'memory.max',
  'memory.high',
  'memory.low',
  'memory.min',
  'memory.swap.max',
  'memory.zswap.max',
  'memory.oom.group',
  'io.weight',
  'io.bfq.weight',
  'io.max',
  'io.latency',
  'pids.max',
  'cgroup.freeze',
  'hugetlb.2MB.max',
  'hugetlb.1GB.max',
];

function partitionOf(content: string | undefined): 'root' | 'isolated' | undefined {
  const text = content?.trim();
  return text === 'root' || text === 'isolated' ? text : undefined;
}

function other(value: number | undefined, usual: number): number | undefined {
  return value === usual ? undefined : value;
}
