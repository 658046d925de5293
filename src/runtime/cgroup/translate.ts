/** Limits of cgroup version 1 as version 2 has them, and back; what the other version cannot say as it was is named. */
import { present } from '../../kernel/present.ts';
import type { Limits, LimitsV1, LimitsV2 } from '../model/limits.ts';
import { sharesOf, weightOf } from './cpu-weight.ts';
import { filled, type Loss } from './loss.ts';
import { memoryToV1, memoryToV2 } from './memory.ts';

export interface Translated<T> {
  readonly limits: T;
  /** Empty where the other version says the same. */
  readonly losses: readonly Loss[];
}

/** The limits as this version of cgroups has them: themselves where they already are. */
export function limitsFor(limits: Limits, version: 1): Translated<LimitsV1>;
export function limitsFor(limits: Limits, version: 2): Translated<LimitsV2>;
export function limitsFor(limits: Limits, version: 1 | 2): Translated<Limits>;
export function limitsFor(limits: Limits, version: 1 | 2): Translated<Limits> {
  if (limits.version === version) return { limits, losses: [] };
  return limits.version === 1 ? toV2(limits) : toV1(limits);
}

function toV2({ cpu, cpuset, memory, io, network, ...rest }: LimitsV1): Translated<LimitsV2> {
  const losses: Loss[] = [];
  const lose = (setting: string, value: unknown, why: string): void => {
    if (value !== undefined && value !== false) losses.push({ setting, value: JSON.stringify(value), why });
  };
  lose('cpu.rt_runtime_us', cpu?.realtimeRuntimeUs, 'version 2 has no budget for real-time processes');
  lose('cpuset.cpu_exclusive', cpuset?.exclusive, 'only a whole partition of cpuset is exclusive in version 2');
  lose('cpuset.memory_migrate', cpuset?.memoryMigrate, 'version 2 always moves memory when its nodes change');
  lose('net_cls.classid', network?.classId, 'version 2 marks no packets: match the cgroup in nftables instead');
  lose('net_prio.ifpriomap', network?.priorities, 'version 2 gives packets no priority: match the cgroup in nftables');
  return {
    limits: {
      ...rest,
      version: 2,
      ...filled('cpu', {
        weight: weightOf(cpu?.shares, losses),
        ...present({ quotaUs: cpu?.quotaUs, periodUs: cpu?.periodUs, burstUs: cpu?.burstUs, idle: cpu?.idle }),
      }),
      ...filled('cpuset', { cpus: cpuset?.cpus, mems: cpuset?.mems }),
      ...filled('memory', memoryToV2(memory, losses)),
      ...filled('io', { bfqWeight: io?.weight, deviceWeights: io?.deviceWeights, throttle: io?.throttle }),
    },
    losses,
  };
}

function toV1({ cpu, cpuset, memory, io, ...rest }: LimitsV2): Translated<LimitsV1> {
  const losses: Loss[] = [];
  if (cpuset?.partition !== undefined) {
    losses.push({
      setting: 'cpuset.cpus.partition',
      value: cpuset.partition,
      why: 'version 1 has no partitions: others may use these processors too',
    });
  }
  if (io?.weight !== undefined) {
    losses.push({
      setting: 'io.weight',
      value: String(io.weight),
      why: `version 1 has only the weights of BFQ: ${bfqOf(io.weight)}, heeded where that is the scheduler`,
    });
  }
  for (const [device, us] of Object.entries(io?.latencyUs ?? {})) {
    losses.push({ setting: 'io.latency', value: `${device} ${us}`, why: 'version 1 has no targets for latency' });
  }
  return {
    limits: {
      ...rest,
      version: 1,
      ...filled('cpu', {
        shares: sharesOf(cpu?.weight, losses),
        ...present({ quotaUs: cpu?.quotaUs, periodUs: cpu?.periodUs, burstUs: cpu?.burstUs, idle: cpu?.idle }),
      }),
      ...filled('cpuset', {
        cpus: cpuset?.cpus,
        mems: cpuset?.mems,
        exclusive: cpuset?.partition === undefined ? undefined : true,
      }),
      ...filled('memory', memoryToV1(memory, losses)),
      ...filled('io', {
        weight: io?.bfqWeight ?? (io?.weight === undefined ? undefined : bfqOf(io.weight)),
        deviceWeights: io?.deviceWeights,
        throttle: io?.throttle,
      }),
    },
    losses,
  };
}

/** Both have 100 for the default; that of BFQ ends at 1000. */
function bfqOf(weight: number): number {
  return Math.min(1000, weight);
}
