/** The limits that an OCI specification asks for. Its words are those of version 1; a section of its own has those of version 2. */
import { present } from '../../kernel/present.ts';
import { filled } from '../cgroup/loss.ts';
import { parseV2 } from '../cgroup/read-v2.ts';
import { limitsFor } from '../cgroup/translate.ts';
import type { DeviceRule, Limits, LimitsV1, LimitsV2, Throttle } from '../model/limits.ts';
import type { Resources } from './spec.ts';

/** In the version that the specification speaks: 2 where it has a section for it. `undefined` where it limits nothing. */
export function limitsOf(resources: Resources): Limits | undefined {
  const v1 = limitsV1Of(resources);
  const unified = Object.entries(resources.unified ?? {});
  if (unified.length === 0) return Object.keys(v1).length === 1 ? undefined : v1;
  const own: LimitsV2 = parseV2(new Map(unified));
  const { limits: base } = limitsFor(v1, 2);
  return {
    ...base,
    ...own,
    ...filled('cpu', { ...base.cpu, ...own.cpu }),
    ...filled('cpuset', { ...base.cpuset, ...own.cpuset }),
    ...filled('memory', { ...base.memory, ...own.memory }),
    ...filled('io', { ...base.io, ...own.io }),
  };
}

function limitsV1Of({ cpu, memory, blockIO, pids, hugepageLimits, devices, network }: Resources): LimitsV1 {
  const rules = (devices ?? []).flatMap(ruleOf);
  const hugepages = Object.fromEntries((hugepageLimits ?? []).map(({ pageSize, limit }) => [pageSize, limit]));
  return {
    version: 1,
    ...filled('cpu', {
      shares: positive(cpu?.shares),
      quotaUs: positive(cpu?.quota),
      periodUs: positive(cpu?.period),
      burstUs: positive(cpu?.burst),
      realtimeRuntimeUs: positive(cpu?.realtimeRuntime),
      idle: cpu?.idle === 1 ? true : undefined,
    }),
    ...filled('cpuset', { cpus: cpu?.cpus || undefined, mems: cpu?.mems || undefined }),
    ...filled('memory', {
      limitBytes: positive(memory?.limit),
      softLimitBytes: positive(memory?.reservation),
      withSwapBytes: positive(memory?.swap),
      kernelBytes: positive(memory?.kernel),
      kernelTcpBytes: positive(memory?.kernelTCP),
      swappiness: memory?.swappiness ?? undefined,
      oomKillDisabled: memory?.disableOOMKiller === true ? true : undefined,
    }),
    ...filled('io', ioOf(blockIO)),
    ...filled('network', {
      classId: positive(network?.classID),
      priorities:
        network?.priorities?.length === undefined || network.priorities.length === 0
          ? undefined
          : Object.fromEntries(network.priorities.map(({ name, priority }) => [name, priority])),
    }),
    ...present({
      pids: positive(pids?.limit),
      hugepages: Object.keys(hugepages).length === 0 ? undefined : hugepages,
      devices: rules.length === 0 ? undefined : rules,
    }),
  };
}

/** 0 and -1 are how these say that there is no limit. */
function positive(value: number | null | undefined): number | undefined {
  return value !== null && value !== undefined && value > 0 ? value : undefined;
}

function ruleOf({ allow, type, major, minor, access }: NonNullable<Resources['devices']>[number]): DeviceRule[] {
  if (type !== undefined && type !== null && type !== 'a' && type !== 'b' && type !== 'c') return [];
  return [
    {
      allow,
      type: type ?? 'a',
      access: access ?? 'rwm',
      // A wildcard is absent or -1.
      ...present({ major: notNegative(major), minor: notNegative(minor) }),
    },
  ];
}

function notNegative(value: number | null | undefined): number | undefined {
  return value !== null && value !== undefined && value >= 0 ? value : undefined;
}

const throttles = [
  ['throttleReadBpsDevice', 'readBytesPerSecond'],
  ['throttleWriteBpsDevice', 'writeBytesPerSecond'],
  ['throttleReadIOPSDevice', 'readsPerSecond'],
  ['throttleWriteIOPSDevice', 'writesPerSecond'],
] as const;

function ioOf(block: Resources['blockIO']): NonNullable<LimitsV1['io']> {
  const byDevice = new Map<string, Throttle>();
  for (const [key, name] of throttles) {
    for (const { major, minor, rate } of block?.[key] ?? []) {
      const device = `${major}:${minor}`;
      byDevice.set(device, { device, ...byDevice.get(device), [name]: rate });
    }
  }
  const weights = (block?.weightDevice ?? []).flatMap(({ major, minor, weight }) => {
    const found = positive(weight);
    return found === undefined ? [] : [{ device: `${major}:${minor}`, weight: found }];
  });
  return present({
    weight: positive(block?.weight),
    deviceWeights: weights.length === 0 ? undefined : weights,
    throttle: byDevice.size === 0 ? undefined : [...byDevice.values()],
  });
}
