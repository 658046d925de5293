import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LimitsV1, type LimitsV2, limitsV1Schema, limitsV2Schema } from '../model/limits.ts';
import { limitsFor } from './translate.ts';

const settings = (losses: readonly { setting: string }[]): string[] => losses.map(({ setting }) => setting).sort();

describe('shares and weights', () => {
  test.each([
    [1024, 100],
    [256, 25],
    [768, 75],
    [512, 50],
    [102_400, 10_000],
  ])('%i shares are a weight of %i, and back, without loss', (shares, weight) => {
    const there = limitsFor({ version: 1, cpu: { shares } }, 2);
    expect(there).toEqual({ limits: { version: 2, cpu: { weight } }, losses: [] });
    expect(limitsFor(there.limits, 1)).toEqual({ limits: { version: 1, cpu: { shares } }, losses: [] });
  });

  test.each([
    [2, 1, '80'],
    [262_144, 10_000, '60.9 % off'],
    [1000, 98, '0.4 % off'],
  ])('%i shares cannot be said exactly: %i', (shares, weight, why) => {
    const { limits, losses } = limitsFor({ version: 1, cpu: { shares } }, 2);
    expect(limits.cpu?.weight).toBe(weight);
    expect(losses).toEqual([expect.objectContaining({ setting: 'cpu.shares', value: String(shares) })]);
    if (why.includes('%')) expect(losses[0]?.why).toContain(why);
  });
});

test('swap is counted with memory in version 1, alone in version 2', () => {
  const v1: LimitsV1 = { version: 1, memory: { limitBytes: 100, withSwapBytes: 150 } };
  const v2: LimitsV2 = { version: 2, memory: { maxBytes: 100, swapMaxBytes: 50 } };
  expect(limitsFor(v1, 2)).toEqual({ limits: v2, losses: [] });
  expect(limitsFor(v2, 1)).toEqual({ limits: v1, losses: [] });
});

test('a limit of memory and swap together stays one where there is no other', () => {
  const { limits, losses } = limitsFor({ version: 1, memory: { withSwapBytes: 150 } }, 2);
  expect(limits.memory).toEqual({ maxBytes: 150 });
  expect(settings(losses)).toEqual(['memory.memsw.limit_in_bytes']);
});

test('what only version 1 knows is named', () => {
  const { limits, losses } = limitsFor(
    {
      version: 1,
      cpu: { realtimeRuntimeUs: 950_000 },
      cpuset: { cpus: '0-1', mems: '0', exclusive: true, memoryMigrate: true },
      memory: { swappiness: 10, oomKillDisabled: true, kernelBytes: 1, kernelTcpBytes: 2, softLimitBytes: 3 },
      network: { classId: 1_048_577, priorities: { eth0: 5 } },
      pids: 10,
    },
    2,
  );
  expect(limits).toEqual({ version: 2, cpuset: { cpus: '0-1', mems: '0' }, memory: { lowBytes: 3 }, pids: 10 });
  expect(settings(losses)).toEqual([
    'cpu.rt_runtime_us',
    'cpuset.cpu_exclusive',
    'cpuset.memory_migrate',
    'memory.kmem.limit_in_bytes',
    'memory.kmem.tcp.limit_in_bytes',
    'memory.oom_control',
    'memory.soft_limit_in_bytes',
    'memory.swappiness',
    'net_cls.classid',
    'net_prio.ifpriomap',
  ]);
});

test('what only version 2 knows is named', () => {
  const { limits, losses } = limitsFor(
    {
      version: 2,
      cpuset: { cpus: '2-3', partition: 'isolated' },
      memory: { highBytes: 1, lowBytes: 2, minBytes: 3, swapMaxBytes: 4, zswapMaxBytes: 5, oomGroup: true },
      io: { weight: 5000, latencyUs: { '8:0': 10_000 } },
    },
    1,
  );
  expect(limits).toEqual({
    version: 1,
    cpuset: { cpus: '2-3', exclusive: true },
    memory: { softLimitBytes: 2 },
    io: { weight: 1000 },
  });
  expect(settings(losses)).toEqual([
    'cpuset.cpus.partition',
    'io.latency',
    'io.weight',
    'memory.high',
    'memory.low',
    'memory.min',
    'memory.oom.group',
    'memory.swap.max',
    'memory.zswap.max',
  ]);
});

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const throttle = fc.record({ device: fc.constant('8:0'), readBytesPerSecond: fc.nat() });

test('what translates without loss comes back as it was', () => {
  const limits = fc.record({
    shares: optional(fc.integer({ min: 2, max: 262_144 })),
    quotaUs: optional(fc.integer({ min: 1000, max: 1_000_000 })),
    limitBytes: optional(fc.nat()),
    swap: optional(fc.nat()),
    pids: optional(fc.nat()),
    throttle: optional(fc.array(throttle, { minLength: 1, maxLength: 2 })),
  });
  fc.assert(
    fc.property(limits, ({ shares, quotaUs, limitBytes, swap, pids, throttle }) => {
      const v1 = limitsV1Schema.parse({
        version: 1,
        ...(shares === undefined && quotaUs === undefined
          ? {}
          : { cpu: { ...(shares && { shares }), ...(quotaUs && { quotaUs, periodUs: 100_000 }) } }),
        ...(limitBytes === undefined
          ? {}
          : { memory: { limitBytes, ...(swap === undefined ? {} : { withSwapBytes: limitBytes + swap }) } }),
        ...(throttle && { io: { throttle } }),
        ...(pids === undefined ? {} : { pids }),
      });
      const there = limitsFor(v1, 2);
      expect(limitsV2Schema.parse(there.limits)).toEqual(there.limits);
      const back = limitsFor(there.limits, 1);
      if (there.losses.length === 0 && back.losses.length === 0) expect(back.limits).toEqual(v1);
    }),
  );
});

test('limits of the version that is wanted are left alone', () => {
  const limits: LimitsV1 = { version: 1, memory: { swappiness: 3 } };
  expect(limitsFor(limits, 1)).toEqual({ limits, losses: [] });
});
