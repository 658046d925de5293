import { expect, test } from 'vitest';
import { cgroupDirectories, cgroupPath, parseCgroupMounts } from '../live/cgroups.ts';
import { limitsOf } from '../oci/limits.ts';
import { parseV1 } from './read-v1.ts';
import { parseV2 } from './read-v2.ts';

test('files of version 2', () => {
  const files = new Map([
    ['cpu.weight', '25\n'],
    ['cpu.max', '50000 100000\n'],
    ['cpuset.cpus', '0-1\n'],
    ['cpuset.cpus.partition', 'member\n'],
    ['memory.max', '67108864\n'],
    ['memory.high', 'max\n'],
    ['memory.low', '0\n'],
    ['memory.swap.max', '0\n'],
    ['memory.oom.group', '0\n'],
    ['io.weight', 'default 100\n8:0 200\n'],
    ['io.max', '8:0 rbps=1048576 wbps=max riops=max wiops=10\n'],
    ['pids.max', 'max\n'],
    ['cgroup.freeze', '1\n'],
  ]);
  expect(parseV2(files)).toEqual({
    version: 2,
    cpu: { weight: 25, quotaUs: 50_000, periodUs: 100_000 },
    cpuset: { cpus: '0-1' },
    memory: { maxBytes: 67_108_864, swapMaxBytes: 0 },
    io: {
      deviceWeights: [{ device: '8:0', weight: 200 }],
      throttle: [{ device: '8:0', readBytesPerSecond: 1_048_576, writesPerSecond: 10 }],
    },
    frozen: true,
  });
});

test('files of version 1 without limits say nothing', () => {
  const files = new Map([
    ['cpu.shares', '1024\n'],
    ['cpu.cfs_quota_us', '-1\n'],
    ['cpu.cfs_period_us', '100000\n'],
    ['memory.limit_in_bytes', '9223372036854771712\n'],
    ['memory.oom_control', 'oom_kill_disable 0\nunder_oom 0\n'],
    ['pids.max', 'max\n'],
    ['devices.list', 'a *:* rwm\n'],
    ['freezer.state', 'THAWED\n'],
    ['blkio.throttle.read_bps_device', ''],
  ]);
  expect(parseV1(files)).toEqual({ version: 1 });
});

test('files of version 1 with limits', () => {
  const files = new Map([
    ['cpu.shares', '256\n'],
    ['memory.soft_limit_in_bytes', '1000\n'],
    ['memory.oom_control', 'oom_kill_disable 1\nunder_oom 0\n'],
    ['devices.list', 'c 1:3 rwm\nb *:* m\n'],
    ['blkio.throttle.write_bps_device', '8:0 5000\n'],
    ['freezer.state', 'FROZEN\n'],
  ]);
  expect(parseV1(files)).toEqual({
    version: 1,
    cpu: { shares: 256 },
    memory: { softLimitBytes: 1000, oomKillDisabled: true },
    io: { throttle: [{ device: '8:0', writeBytesPerSecond: 5000 }] },
    devices: [
      { allow: true, type: 'c', access: 'rwm', major: 1, minor: 3 },
      { allow: true, type: 'b', access: 'm' },
    ],
    frozen: true,
  });
});

test('a specification with files of version 2 is of version 2, and these count', () => {
  expect(limitsOf({ cpu: { shares: 512 }, pids: { limit: 5 }, unified: { 'cpu.weight': '30' } })).toEqual({
    version: 2,
    cpu: { weight: 30 },
    pids: 5,
  });
});

const mountinfo = `33 32 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
34 32 0:30 /docker/abc /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
35 32 0:31 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`;

test('directories of a process, where only a part of the hierarchy is mounted too', () => {
  const membership = '4:memory:/docker/abc/x\n3:cpu,cpuacct:/x\n0::/init.scope\n';
  const mounts = parseCgroupMounts(mountinfo);
  expect(Object.fromEntries(cgroupDirectories(membership, mounts))).toEqual({
    memory: '/sys/fs/cgroup/memory/x',
    cpu: '/sys/fs/cgroup/cpu,cpuacct/x',
    cpuacct: '/sys/fs/cgroup/cpu,cpuacct/x',
    '': '/sys/fs/cgroup/unified/init.scope',
  });
  expect(cgroupPath(membership)).toBe('/docker/abc/x');
  expect(cgroupDirectories('4:memory:/elsewhere\n', mounts).size).toBe(0);
});
