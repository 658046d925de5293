/** Limits of memory and swap, from one version of cgroups to the other. */
import { present } from '../../kernel/present.ts';
import type { LimitsV1, LimitsV2 } from '../model/limits.ts';
import type { Loss } from './loss.ts';

type MemoryV1 = NonNullable<LimitsV1['memory']>;
type MemoryV2 = NonNullable<LimitsV2['memory']>;

export function memoryToV2(memory: MemoryV1 | undefined, losses: Loss[]): MemoryV2 {
  const { limitBytes, softLimitBytes, withSwapBytes, kernelBytes, kernelTcpBytes, swappiness } = memory ?? {};
  const lose = loserOf(losses);
  lose('memory.soft_limit_in_bytes', softLimitBytes, 'memory.low protects as much, but gives nothing back above it');
  lose('memory.kmem.limit_in_bytes', kernelBytes, 'memory of the kernel counts into memory.max');
  lose('memory.kmem.tcp.limit_in_bytes', kernelTcpBytes, 'buffers of TCP count into memory.max');
  lose('memory.swappiness', swappiness, 'version 2 has one swappiness for the whole host');
  lose('memory.oom_control', memory?.oomKillDisabled, 'in version 2 no cgroup can refuse to be killed');
  if (withSwapBytes !== undefined && limitBytes === undefined) {
    lose('memory.memsw.limit_in_bytes', withSwapBytes, 'without a limit of memory alone, there is none of swap alone');
  }
  const swap = withSwapBytes === undefined || limitBytes === undefined ? undefined : withSwapBytes - limitBytes;
  return present({
    maxBytes: limitBytes ?? withSwapBytes,
    lowBytes: softLimitBytes,
    swapMaxBytes: swap === undefined ? undefined : Math.max(0, swap),
  });
}

export function memoryToV1(memory: MemoryV2 | undefined, losses: Loss[]): MemoryV1 {
  const { maxBytes, highBytes, lowBytes, minBytes, swapMaxBytes, zswapMaxBytes } = memory ?? {};
  const lose = loserOf(losses);
  lose('memory.high', highBytes, 'version 1 slows nothing down before its limit');
  lose('memory.low', lowBytes, 'the soft limit is only where memory is taken first, and protects nothing');
  lose('memory.min', minBytes, 'version 1 cannot keep memory for a cgroup');
  lose('memory.zswap.max', zswapMaxBytes, 'version 1 does not count compressed swap');
  lose('memory.oom.group', memory?.oomGroup, 'version 1 kills single processes');
  if (swapMaxBytes !== undefined && maxBytes === undefined) {
    lose('memory.swap.max', swapMaxBytes, 'version 1 limits swap only together with memory, which has no limit here');
  }
  return present({
    limitBytes: maxBytes,
    softLimitBytes: lowBytes,
    withSwapBytes: swapMaxBytes === undefined || maxBytes === undefined ? undefined : maxBytes + swapMaxBytes,
  });
}

function loserOf(losses: Loss[]): (setting: string, value: number | boolean | undefined, why: string) => void {
  return (setting, value, why) => {
    if (value !== undefined && value !== false) losses.push({ setting, value: String(value), why });
  };
}
