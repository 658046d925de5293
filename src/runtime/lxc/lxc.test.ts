import { expect, test } from 'vitest';
import { idMapOf, limitsOf, mountsOf, networksOf, parseConfig, rootfsOf } from './config.ts';
import { parseInfo } from './place.ts';

const of = (...lines: string[]) => parseConfig(lines.join('\n'));

test('a setting may stand many times, and an empty one takes back what was said', () => {
  const settings = of('# a word', 'lxc.mount.entry = a', ' lxc.mount.entry=b ', 'lxc.cap.drop = x', 'lxc.cap.drop =');
  expect([...settings]).toEqual([['lxc.mount.entry', ['a', 'b']]]);
});

test.each([
  ['dir:/srv/root', { path: '/srv/root' }],
  ['/srv/root', { path: '/srv/root' }],
  ['overlay:/base:/upper', { driver: 'overlay', writable: '/upper' }],
  ['zfs:tank/one', { driver: 'zfs' }],
  ['lvm:/dev/vg/one', { path: '/dev/vg/one', driver: 'lvm' }],
])('the root %s', (path, expected) => {
  expect(rootfsOf(of(`lxc.rootfs.path = ${path}`))).toEqual(expected);
});

test('mounts: destinations are below the root, and a space in a name is written as in fstab', () => {
  const settings = of(
    String.raw`lxc.mount.entry = /srv/my\040data data none bind,ro,create=dir 0 0`,
    'lxc.mount.entry = proc proc proc nodev 0 0',
    'lxc.mount.entry = tmpfs tmp tmpfs size=1M',
  );
  expect(mountsOf(settings)).toEqual([
    {
      kind: 'bind',
      source: '/srv/my data',
      destination: '/data',
      readOnly: true,
      options: ['bind', 'ro', 'create=dir'],
    },
    { kind: 'system', destination: '/proc', options: ['nodev'] },
    { kind: 'tmpfs', destination: '/tmp', options: ['size=1M'] },
  ]);
});

test('networks', () => {
  const settings = of(
    'lxc.net.0.type = veth',
    'lxc.net.0.link = lxcbr0',
    'lxc.net.0.hwaddr = 00:16:3e:00:00:01',
    'lxc.net.0.ipv4.address = 10.0.3.5/24',
    'lxc.net.0.ipv4.gateway = 10.0.3.1',
    'lxc.net.1.type = phys',
    'lxc.net.1.link = eth1',
  );
  expect(networksOf(settings)).toEqual([
    {
      kind: 'bridge',
      parent: 'lxcbr0',
      mac: '00:16:3e:00:00:01',
      addresses: ['10.0.3.5/24'],
      gateways: ['10.0.3.1'],
    },
    { kind: 'other', parent: 'eth1' },
  ]);
});

test('limits of either version, in bytes', () => {
  expect(limitsOf(of('lxc.cgroup.memory.limit_in_bytes = 64M', 'lxc.cgroup.cpu.shares = 256'))).toEqual({
    version: 1,
    cpu: { shares: 256 },
    memory: { limitBytes: 67_108_864 },
  });
  expect(limitsOf(of('lxc.cgroup2.memory.max = 1G', 'lxc.cgroup2.cpu.max = 50000 100000'))).toMatchObject({
    version: 2,
    cpu: { quotaUs: 50_000, periodUs: 100_000 },
    memory: { maxBytes: 1_073_741_824 },
  });
  expect(limitsOf(of('lxc.uts.name = one'))).toBeUndefined();
});

test('maps of users and of groups', () => {
  const settings = of('lxc.idmap = u 0 100000 65536', 'lxc.idmap = g 0 200000 65536');
  expect(idMapOf(settings, 'u')).toEqual([{ inside: 0, outside: 100_000, size: 65_536 }]);
  expect(idMapOf(settings, 'g')).toEqual([{ inside: 0, outside: 200_000, size: 65_536 }]);
});

test('what lxc-info says', () => {
  expect(parseInfo('State:          RUNNING\nPID:            263\n')).toEqual({ state: 'running', pid: 263 });
  expect(parseInfo('State:          STOPPED\n')).toEqual({ state: 'exited' });
  expect(() => parseInfo('one does not exist\n')).toThrow('no state');
});
