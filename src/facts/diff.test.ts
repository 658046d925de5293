import { expect, test } from 'vitest';
import { changeLines } from '../kernel/change.ts';
import { factsChanges } from './diff.ts';
import { type Facts, factsFormat, parseFacts } from './types.ts';

/** A host of which everything was seen. */
const host: Facts = {
  format: factsFormat,
  capturedAt: '2026-11-20T12:00:00.000Z',
  hostname: 'web1',
  machineId: '00000000000000000000000000000001',
  osRelease: { id: 'debian', versionId: '12', prettyName: 'Debian GNU/Linux 12' },
  kernel: '6.1.0-28-amd64',
  kernelCommandLine: 'BOOT_IMAGE=/vmlinuz-6.1.0-28-amd64 root=UUID=1 ro quiet',
  kernels: ['6.1.0-28-amd64'],
  architecture: 'x86_64',
  cpuCount: 4,
  cpuModel: 'EPYC',
  cpu: { flags: ['aes', 'avx2'], sockets: 1, cores: 4, threads: 4, microcode: '1' },
  numa: [{ node: 0, cpus: [0, 1, 2, 3], memoryBytes: 8_000_000_000, distances: [10] }],
  memoryBytes: 8_000_000_000,
  memory: {},
  firmware: 'bios',
  virtualization: 'kvm',
  dmi: { vendor: 'QEMU', product: 'Standard PC' },
  cgroup: { version: 'v2', controllers: ['cpu'] },
  security: { apparmor: { enabled: true } },
  modules: [{ name: 'nvme', builtin: false, usedBy: [], parameters: { io_queue_depth: '1024', debug: '0' } }],
  timeZone: 'Etc/UTC',
  users: [{ name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/bash', passwordState: 'set', sshKeys: false }],
  services: {
    init: 'systemd',
    enabled: [{ name: 'ssh.service', active: 'active' }, { name: 'down.service' }],
    failed: [],
  },
  timers: [{ name: 'a.timer', schedule: ['OnCalendar=daily'], starts: 'a.service', enabled: true }],
  cron: [{ source: '/etc/crontab', user: 'root', schedule: '@daily', command: 'x' }],
  ports: [
    { protocol: 'tcp', address: '0.0.0.0', port: 22, ephemeral: false, process: 'sshd', pid: 1, unit: 'ssh.service' },
  ],
  packages: { dpkg: [{ name: 'nginx', version: '1', arch: 'amd64', reason: 'manual' }] },
  containers: [{ manager: 'podman', name: 'web', running: true, paths: ['/srv/web'] }],
  guests: [{ manager: 'libvirt', name: 'db', disks: ['/dev/vg/db'] }],
  gaps: [],
};

const changes = (after: Partial<Facts>, before: Partial<Facts> = {}) => {
  return factsChanges({ ...host, ...before }, { ...host, ...after }).map(({ risk, text }) => `${risk}: ${text}`);
};

test.each<[string, Partial<Facts>, Partial<Facts>?]>([
  ['nothing', {}],
  ['when it was captured', { capturedAt: '2026-11-21T12:00:00.000Z' }],
  [
    'states of services',
    {
      services: {
        init: 'systemd',
        enabled: [{ name: 'ssh.service', active: 'failed' }, { name: 'down.service' }],
        failed: ['ssh.service'],
      },
    },
  ],
  [
    'states that nobody told',
    { services: { init: 'systemd', enabled: [{ name: 'ssh.service' }, { name: 'down.service' }] } },
  ],
  [
    'a mount of snapd',
    {
      services: {
        init: 'systemd',
        enabled: [{ name: 'ssh.service' }, { name: 'down.service' }, { name: 'snap-core20-2015.mount' }],
      },
    },
  ],
  ['memory that a newer kernel takes', { memoryBytes: 7_960_000_000 }],
  [
    'a balloon, where the blocks are the same',
    { memoryBytes: 4_000_000_000, memory: { installedBytes: 8 } },
    { memory: { installedBytes: 8 } },
  ],
  ['memory of NUMA nodes', { numa: [{ node: 0, cpus: [0, 1, 2, 3], memoryBytes: 7_000_000_000, distances: [10] }] }],
  [
    'an ephemeral port',
    { ports: [...(host.ports ?? []), { protocol: 'tcp', address: '::', port: 40_000, ephemeral: true }] },
  ],
  [
    'a port of a resolver',
    { ports: [...(host.ports ?? []), { protocol: 'udp', address: '::', port: 20_000, ephemeral: false }] },
  ],
  ['a port nobody listens on for now', { ports: [] }],
  ['a port on another address', { ports: [{ protocol: 'tcp', address: '10.0.0.7', port: 22, ephemeral: false }] }],
  ['another process id', { ports: (host.ports ?? []).map((port) => ({ ...port, pid: 77 })) }],
  [
    'a service that was down then',
    {
      ports: [
        ...(host.ports ?? []),
        { protocol: 'tcp', address: '::', port: 80, ephemeral: false, unit: 'down.service' },
      ],
    },
  ],
  [
    'a container that stopped',
    { containers: [{ manager: 'podman', name: 'web', running: false, paths: ['/srv/web'] }] },
  ],
  [
    'a container that goes by itself',
    { containers: [...(host.containers ?? []), { manager: 'docker', name: 'ci', transient: true, paths: [] }] },
  ],
  ['a pod', { containers: [...(host.containers ?? []), { manager: 'docker', name: 'k8s_x_y', paths: [] }] }],
  [
    'a container made anew',
    { containers: [{ manager: 'podman', name: 'web', id: 'b', paths: ['/srv/web', `/c/${'b'.repeat(64)}`] }] },
  ],
  [
    'a guest that is only a process',
    { guests: [...(host.guests ?? []), { manager: 'qemu', name: 'drill', disks: ['/x'] }] },
  ],
  [
    'modules that were loaded',
    { modules: [...(host.modules ?? []), { name: 'loop', builtin: false, usedBy: [], parameters: {} }] },
  ],
  [
    'a parameter for looking for errors',
    { modules: [{ name: 'nvme', builtin: false, usedBy: [], parameters: { io_queue_depth: '1024', debug: '1' } }] },
  ],
  ['microcode', { cpu: { flags: ['aes', 'avx2'], sockets: 1, cores: 4, threads: 4, microcode: '2' } }],
  ['an installed kernel that does not run yet', { kernels: ['6.1.0-28-amd64', '6.1.0-29-amd64'] }],
  ['a section that an older capture does not have', {}, { users: [], numa: [] }],
])('%s is no change', (what, after, before) => {
  const old: Partial<Facts> = { ...before };
  if (what.startsWith('a section')) for (const key of ['users', 'numa'] as const) delete old[key];
  const thin: Facts = { ...host, ...old };
  if (what.startsWith('a section')) {
    for (const key of [
      'users',
      'numa',
      'cpu',
      'services',
      'timers',
      'cron',
      'ports',
      'containers',
      'guests',
      'modules',
      'dmi',
    ] as const)
      delete thin[key];
  }
  expect(factsChanges(thin, { ...host, ...after })).toEqual([]);
  if (what.startsWith('a section')) expect(factsChanges({ ...host, ...after }, thin)).toEqual([]);
});

test.each<[string, Partial<Facts>, Partial<Facts>?]>([
  [
    'recovery: architecture was x86_64, is aarch64: a system from before does not run on it',
    { architecture: 'aarch64' },
  ],
  ['recovery: firmware was BIOS, is UEFI: it would not start a system from before', { firmware: 'uefi' }],
  [
    'data: machine id was 00000000000000000000000000000001, is 2: this is another installation than that of the older capture',
    { machineId: '2' },
  ],
  [
    'data: system was debian 12, is debian 13: a recovery would bring back the other one',
    { osRelease: { id: 'debian', versionId: '13', prettyName: 'Debian GNU/Linux 13' } },
  ],
  [
    'appearance: kernel that runs was 6.1.0-28-amd64, is 6.1.0-29-amd64',
    {
      kernel: '6.1.0-29-amd64',
      kernelCommandLine: 'BOOT_IMAGE=/vmlinuz-6.1.0-29-amd64 root=UUID=1 ro quiet',
      cpu: { flags: ['aes', 'new'], sockets: 1, cores: 4, threads: 4 },
    },
  ],
  ['appearance: CPU is now without avx2', { cpu: { flags: ['aes'], sockets: 1, cores: 4, threads: 4 } }],
  ['appearance: memory was 7.5 GiB, is 14.9 GiB', { memoryBytes: 16_000_000_000 }],
  ['appearance: hardware was QEMU Standard PC, is Dell R740', { dmi: { vendor: 'Dell', product: 'R740' } }],
  ['appearance: time zone was Etc/UTC, is Europe/Berlin', { timeZone: 'Europe/Berlin' }],
  [
    'appearance: io_queue_depth of module nvme was 1024, is 64',
    { modules: [{ name: 'nvme', builtin: false, usedBy: [], parameters: { io_queue_depth: '64' } }] },
  ],
  [
    'data: user alice can log in now',
    {
      users: [...(host.users ?? []), { name: 'alice', uid: 1000, gid: 1000, home: '/home/alice', shell: '/bin/bash' }],
    },
  ],
  [
    'data: ssh keys of user root was none, is there',
    { users: [{ name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/bash', sshKeys: true }] },
  ],
  [
    'data: nginx.service is enabled now',
    {
      services: {
        init: 'systemd',
        enabled: [{ name: 'ssh.service' }, { name: 'down.service' }, { name: 'nginx.service' }],
      },
    },
  ],
  [
    'appearance: down.service is not enabled any more',
    { services: { init: 'systemd', enabled: [{ name: 'ssh.service' }] } },
  ],
  [
    'appearance: schedule of a.timer was OnCalendar=daily, is OnCalendar=hourly',
    { timers: [{ name: 'a.timer', schedule: ['OnCalendar=hourly'], starts: 'a.service', enabled: true }] },
  ],
  [
    'data: /etc/crontab runs now, @daily: y',
    { cron: [...(host.cron ?? []), { source: '/etc/crontab', user: 'root', schedule: '@daily', command: 'y' }] },
  ],
  [
    'data: nginx listens on port 80/tcp now',
    {
      ports: [...(host.ports ?? []), { protocol: 'tcp', address: '::', port: 80, ephemeral: false, process: 'nginx' }],
    },
  ],
  [
    'data: something listens on port 25/tcp for the machine itself now',
    { ports: [...(host.ports ?? []), { protocol: 'tcp', address: '127.0.0.1', port: 25, ephemeral: false }] },
  ],
  [
    'data: container db of docker is there now',
    { containers: [...(host.containers ?? []), { manager: 'docker', name: 'db', paths: [] }] },
  ],
  [
    'data: container web of podman keeps data in /srv/more now',
    { containers: [{ manager: 'podman', name: 'web', paths: ['/srv/web', '/srv/more'] }] },
  ],
  [
    'data: guest new (100) of proxmox is there now',
    { guests: [...(host.guests ?? []), { manager: 'proxmox', name: 'new', id: '100', disks: [] }] },
  ],
  [
    'data: guest db of libvirt has the disk /dev/vg/more now',
    { guests: [{ manager: 'libvirt', name: 'db', disks: ['/dev/vg/db', '/dev/vg/more'] }] },
  ],
  ['appearance: package nginx was 1, is 2', { packages: { dpkg: [{ name: 'nginx', version: '2', arch: 'amd64' }] } }],
  [
    'data: package vim 9 is installed now',
    {
      packages: {
        dpkg: [
          { name: 'nginx', version: '1', arch: 'amd64' },
          { name: 'vim', version: '9', arch: 'amd64', reason: 'manual' },
        ],
      },
    },
  ],
  [
    'appearance: package libx 9 is installed now',
    {
      packages: {
        dpkg: [
          { name: 'nginx', version: '1', arch: 'amd64' },
          { name: 'libx', version: '9', arch: 'amd64', reason: 'automatic' },
        ],
      },
    },
  ],
  ['appearance: packages of dpkg were 700, are 1', {}, { packages: { dpkg: 700 } }],
  [
    'data: way of installation was package by package, is ostree',
    { image: { kind: 'ostree', booted: true, deployments: [] } },
  ],
])('%s', (text, after, before) => {
  expect(changes(after, before)).toEqual([text]);
});

test('a guest that is on hardware of its own now', () => {
  const { virtualization: _, ...bare } = host;
  expect(factsChanges(host, bare).map(({ text }) => text)).toEqual(['virtualization was kvm, is none']);
});

test.each<[string, Partial<Facts>]>([
  ['cron', { cron: [] }],
  ['containers', { containers: [] }],
  ['guests', { guests: [] }],
  ['services', { services: { init: 'systemd', enabled: [] }, timers: [] }],
  ['dpkg packages', { packages: {} }],
  ['virtualization', { virtualization: 'none' }],
  ['places', { cron: [], containers: [], guests: [], packages: {}, timers: [], numa: [], firmware: 'unknown' }],
])('what a capture with the gap "%s" has not seen is no change', (subject, part) => {
  const poor = { ...host, ...part, gaps: [{ subject, problem: 'not seen' }] };
  expect(factsChanges(poor, host)).toEqual([]);
  expect(factsChanges(host, poor)).toEqual([]);
});

test('many upgraded packages are counted, and all of them are in the document', () => {
  const packages = (version: string) =>
    Array.from({ length: 30 }, (_, index) => ({ name: `p${index}`, version, arch: 'amd64' }));
  const found = factsChanges(
    { ...host, packages: { dpkg: packages('1') } },
    { ...host, packages: { dpkg: packages('2') } },
  );
  expect(changeLines(found)).toEqual([
    'A recovery would only look different:',
    '  30 packages of dpkg are of another version now: p0, p1, p2, p3, p4 and 25 more',
  ]);
  expect(found[0]?.items).toHaveLength(30);
  expect(found[0]?.items?.at(-1)).toBe('package p29 was 1, is 2');
});

test('names of the machine reach a terminal only in visible form', () => {
  const containers: Facts['containers'] = [{ manager: 'docker', name: 'a\u001b[31m', paths: [] }];
  const lines = changeLines(factsChanges({ ...host, containers: [] }, { ...host, containers }));
  expect(lines.join('')).not.toContain('\u001b');
});

test('thin documents of the same version are accepted, and errors name their place', () => {
  const { format, capturedAt, hostname, osRelease, kernel, architecture, cpuCount, memoryBytes, firmware } = host;
  const thin = { format, capturedAt, hostname, osRelease, kernel, architecture, cpuCount, memoryBytes, firmware };
  const document = { ...thin, packages: { dpkg: 752 }, gaps: [] };
  expect(parseFacts(document)).toEqual(document);
  expect(() => parseFacts({ ...host, numa: [{ node: 0, cpus: [], memoryBytes: 1, distances: [] }] })).toThrow(
    'numa[0].distances: 0 distances for 1 nodes',
  );
  expect(() => parseFacts({ ...host, users: [{ ...host.users?.[0], uid: 'root' }] })).toThrow('users[0].uid');
});
