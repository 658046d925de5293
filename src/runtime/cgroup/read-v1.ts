/** The files of a cgroup of version 1, which lie in the directories of several controllers. */
import { present } from '../../kernel/present.ts';
import type { DeviceRule, LimitsV1, Throttle } from '../model/limits.ts';
import { filled } from './loss.ts';
import { type CgroupFiles, flagOf, hugepagesOf, keyed, limitOf } from './values.ts';

/** What is the kernel's default is left out. */
export function parseV1(files: CgroupFiles): LimitsV1 {
  const quotaUs = limitOf(files.get('cpu.cfs_quota_us'));
  const soft = limitOf(files.get('memory.soft_limit_in_bytes'));
  const weight = keyed(files.get('blkio.bfq.weight')).get('default') ?? keyed(files.get('blkio.weight')).get('default');
  return {
    version: 1,
    ...filled('cpu', {
      shares: other(limitOf(files.get('cpu.shares')), 1024),
      quotaUs,
      periodUs: quotaUs === undefined ? undefined : limitOf(files.get('cpu.cfs_period_us')),
      burstUs: other(limitOf(files.get('cpu.cfs_burst_us')), 0),
      realtimeRuntimeUs: other(limitOf(files.get('cpu.rt_runtime_us')), 0),
      idle: flagOf(files.get('cpu.idle')),
    }),
    ...filled('cpuset', {
      cpus: files.get('cpuset.cpus')?.trim() || undefined,
      mems: files.get('cpuset.mems')?.trim() || undefined,
      exclusive: flagOf(files.get('cpuset.cpu_exclusive')),
      memoryMigrate: flagOf(files.get('cpuset.memory_migrate')),
    }),
    ...filled('memory', {
      limitBytes: limitOf(files.get('memory.limit_in_bytes')),
      softLimitBytes: soft,
      withSwapBytes: limitOf(files.get('memory.memsw.limit_in_bytes')),
      oomKillDisabled: /^oom_kill_disable 1$/m.test(files.get('memory.oom_control') ?? '') ? true : undefined,
    }),
    ...filled('io', { weight: other(weight, 100), throttle: throttleOf(files) }),
    ...filled('network', { classId: other(limitOf(files.get('net_cls.classid')), 0) }),
    ...present({
      pids: limitOf(files.get('pids.max')),
      hugepages: hugepagesOf(files, /^hugetlb\.(\w+)\.limit_in_bytes$/),
      devices: devicesOf(files.get('devices.list')),
      frozen: files.get('freezer.state')?.trim() === 'FROZEN' ? true : undefined,
    }),
  };
}

/** By the name of the controller, the files that {@link parseV1} looks at. */
export const filesV1: Readonly<Record<string, readonly string[]>> = {
  cpu: ['cpu.shares', 'cpu.cfs_quota_us', 'cpu.cfs_period_us', 'cpu.cfs_burst_us', 'cpu.rt_runtime_us', 'cpu.idle'],
  cpuset: ['cpuset.cpus', 'cpuset.mems', 'cpuset.cpu_exclusive', 'cpuset.memory_migrate'],
  memory: ['memory.limit_in_bytes', 'memory.soft_limit_in_bytes', 'memory.memsw.limit_in_bytes', 'memory.oom_control'],
  blkio: [
    'blkio.weight',
    'blkio.bfq.weight',
    'blkio.throttle.read_bps_device',
    'blkio.throttle.write_bps_device',
    'blkio.throttle.read_iops_device',
    'blkio.throttle.write_iops_device',
  ],
  pids: ['pids.max'],
  devices: ['devices.list'],
  freezer: ['freezer.state'],
  net_cls: ['net_cls.classid'],
  hugetlb: ['hugetlb.2MB.limit_in_bytes', 'hugetlb.1GB.limit_in_bytes'],
};

function other(value: number | undefined, usual: number): number | undefined {
  return value === usual ? undefined : value;
}

const throttles = [
  ['blkio.throttle.read_bps_device', 'readBytesPerSecond'],
  ['blkio.throttle.write_bps_device', 'writeBytesPerSecond'],
  ['blkio.throttle.read_iops_device', 'readsPerSecond'],
  ['blkio.throttle.write_iops_device', 'writesPerSecond'],
] as const;

function throttleOf(files: CgroupFiles): Throttle[] | undefined {
  const byDevice = new Map<string, Throttle>();
  for (const [file, name] of throttles) {
    for (const [device, rate] of keyed(files.get(file))) {
      byDevice.set(device, { device, ...byDevice.get(device), [name]: rate });
    }
  }
  byDevice.delete('default');
  return byDevice.size === 0 ? undefined : [...byDevice.values()];
}

/** Lines such as `c 1:3 rwm`; `a *:* rwm` alone allows all, and is no rule. */
function devicesOf(content: string | undefined): DeviceRule[] | undefined {
  const rules = [...(content ?? '').matchAll(/^([abc]) (\d+|\*):(\d+|\*) ([rwm]+)$/gm)].map(
    ([, type, major, minor, access]): DeviceRule => ({
      allow: true,
      type: type === 'b' || type === 'c' ? type : 'a',
      access: access ?? '',
      ...present({ major: limitOf(major), minor: limitOf(minor) }),
    }),
  );
  return rules.length === 0 || rules.some(({ type }) => type === 'a') ? undefined : rules;
}
