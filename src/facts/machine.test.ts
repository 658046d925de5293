import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asker } from '../host/asker.ts';
import { recordedHost } from '../host/recorded.ts';
import { captureCpu, parseCpuinfo, parseTopology } from './cpu.ts';
import { captureDmi, parseDmi, parseModel } from './dmi.ts';
import { captureCgroup, parseCgroups, parseSecurity } from './kernel.ts';
import { parseBlocks, parseBlockSize, parseMeminfo } from './memory.ts';
import { modulesOf, parseModules } from './modules.ts';
import { captureNuma, numaSchema, parseCpuList, parseNuma } from './numa.ts';
import { type Places, places } from './places.ts';
import { parseContents } from './reading.ts';
import { parseOsRelease, parseUname, parseZoneLink, parseZoneRule } from './system.ts';

const fixtures = join(import.meta.dirname, '../../test/fixtures');
const recording = (tool: string, name: string) =>
  JSON.parse(readFileSync(join(fixtures, tool, `${name}.json`), 'utf8'));
const everything: Places = { has: () => true, hidden: () => false };

/** A guest of QEMU with two sockets, two NUMA nodes and SMBIOS tables of its own. */
function guest(signal: AbortSignal) {
  const parts = ['find', 'grep', 'proc'].map((tool) => recording(tool, 'qemu-numa'));
  return asker(
    recordedHost({
      commands: parts.flatMap(({ commands }) => commands),
      files: Object.assign({}, ...parts.map(({ files }) => files ?? {})),
    }),
    signal,
  );
}

test('two sockets', async ({ signal }) => {
  const questions = guest(signal);
  expect(await captureCpu(questions)).toMatchObject({
    count: 4,
    model: 'QEMU TCG CPU version 2.5+',
    cpu: { vendor: 'AuthenticAMD', family: '15', modelNumber: '107', stepping: '1', sockets: 2, cores: 4, threads: 4 },
  });
  const [, topology] = recording('find', 'qemu-numa').commands;
  expect(parseTopology(parseContents(topology.stdout))).toEqual({ sockets: 2, cores: 4 });
});

test('two NUMA nodes', async ({ signal }) => {
  const nodes = await captureNuma(guest(signal), everything);
  expect(nodes).toEqual([
    { node: 0, cpus: [0, 1], memoryBytes: 481_980 * 1024, distances: [10, 21] },
    { node: 1, cpus: [2, 3], memoryBytes: 514_260 * 1024, distances: [21, 10] },
  ]);
  expect(numaSchema.parse(nodes)).toEqual(nodes);
});

test('a matrix of distances of the wrong size is an error that names its place', () => {
  const node = { node: 0, cpus: [0], memoryBytes: 1, distances: [10, 20] };
  expect(numaSchema.safeParse([node]).error?.issues).toMatchObject([
    { path: [0, 'distances'], message: '2 distances for 1 nodes' },
  ]);
  const twice = [node, node];
  expect(numaSchema.safeParse(twice).error?.issues).toMatchObject([{ path: [1, 'node'] }]);
});

test('DMI: what is empty or a placeholder is absent', async ({ signal }) => {
  expect(await captureDmi(guest(signal), everything)).toEqual({
    vendor: 'Example',
    product: 'Server',
    version: '2',
    serial: 'SN0001',
    uuid: '12345678-1234-1234-1234-123456789abc',
    chassisType: '1',
    boardVendor: 'Example',
    board: 'Board',
    boardSerial: 'BSN0001',
    biosVendor: 'SeaBIOS',
    biosVersion: '1.16.2-debian-1.16.2-1',
    biosDate: '04/01/2014',
  });
  const filled = new Map([[`${places.dmi}/product_serial`, 'To Be Filled By O.E.M.']]);
  expect(parseDmi(filled)).toEqual({});
  expect(parseModel('Raspberry Pi 4 Model B Rev 1.4\0')).toBe('Raspberry Pi 4 Model B Rev 1.4');
});

test('cgroup version 2', async ({ signal }) => {
  const host = recordedHost({ commands: [], files: { [places.cgroup2]: 'cpuset cpu io memory pids\n' } });
  expect(await captureCgroup(asker(host, signal), everything)).toEqual({
    version: 'v2',
    controllers: ['cpu', 'cpuset', 'io', 'memory', 'pids'],
  });
});

describe('parsers', () => {
  test.each([
    ['ID=arch\nPRETTY_NAME="Arch Linux"\n', { id: 'arch', prettyName: 'Arch Linux' }],
    [`ID='x'\nVERSION_ID=3.20\nPRETTY_NAME="a \\"b\\" \\$c"\n`, { id: 'x', versionId: '3.20', prettyName: 'a "b" $c' }],
    ['NAME=Only\n', { id: 'linux', prettyName: 'Only' }],
    [
      'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\nVARIANT_ID=\nIMAGE_ID=edge\nIMAGE_VERSION=7\n',
      {
        id: 'rocky',
        idLike: ['rhel', 'centos', 'fedora'],
        versionId: '9.4',
        imageId: 'edge',
        imageVersion: '7',
        prettyName: 'rocky',
      },
    ],
  ])('os-release %j', (content, expected) => {
    expect(parseOsRelease(content)).toEqual(expected);
  });

  test('a CPU without a model and without a topology, as on arm64', () => {
    const block = (number: number, features: string) =>
      `processor\t: ${number}\nFeatures\t: ${features}\nCPU part\t: 0xd0c\n`;
    const info = parseCpuinfo(`${block(0, 'fp asimd sve')}\n${block(1, 'fp asimd')}`);
    expect(info).toEqual({ count: 2, details: { modelNumber: '0xd0c', flags: ['asimd', 'fp'] } });
  });

  test('a topology of which the kernel knows only the cores', () => {
    const file = (cpu: number, name: string) => `/sys/devices/system/cpu/cpu${cpu}/topology/${name}`;
    const contents = new Map(
      [0, 1].flatMap((cpu) => [
        [file(cpu, 'physical_package_id'), '-1'] as const,
        [file(cpu, 'core_id'), String(cpu)] as const,
      ]),
    );
    expect(parseTopology(contents)).toEqual({ sockets: 1, cores: 2 });
  });

  test('lists of processors', () => {
    expect(parseCpuList('0-3,8,10-11\n')).toEqual([0, 1, 2, 3, 8, 10, 11]);
    expect(parseCpuList('\n')).toEqual([]);
    expect(() => parseCpuList('a-b')).toThrow();
  });

  test('memory', () => {
    expect(parseMeminfo('MemTotal:  1024 kB\nHugePages_Total:  4\nHugepagesize:  2048 kB\n')).toEqual({
      totalBytes: 1024 * 1024,
      hugePages: { count: 4, pageBytes: 2048 * 1024 },
    });
    expect(parseBlocks('block_size_bytes\nmemory0\nmemory31\nprobe\n')).toBe(2);
    expect(parseBlockSize('8000000\n')).toBe(128 * 1024 * 1024);
  });

  test('modules, their users and parameters, without passwords', () => {
    const loaded = parseModules(
      'nvme 53248 3 - Live 0x0000000000000000\nnvme_core 180224 5 nvme, Live 0x0000000000000000\nzfs 3801088 6 [permanent], Live 0x0 (POE)\n',
    );
    const parameters = new Map([
      ['/sys/module/nvme/parameters/io_queue_depth', '1024'],
      ['/sys/module/printk/parameters/time', 'Y'],
      ['/sys/module/zfs/parameters/password', 'hunter2'],
    ]);
    expect(modulesOf(loaded, parameters)).toEqual([
      { name: 'nvme', builtin: false, usedBy: [], parameters: { io_queue_depth: '1024' } },
      { name: 'nvme_core', builtin: false, usedBy: ['nvme'], parameters: {} },
      { name: 'printk', builtin: true, usedBy: [], parameters: { time: 'Y' } },
      { name: 'zfs', builtin: false, usedBy: [], parameters: { password: '[redacted]' } },
    ]);
  });

  test('security modules', () => {
    const contents = new Map([
      ['/sys/kernel/security/lsm', 'lockdown,capability,selinux,bpf'],
      ['/sys/fs/selinux/enforce', '1'],
      ['/etc/selinux/config', '# a comment\nSELINUX=permissive\nSELINUXTYPE=targeted'],
      ['/sys/module/apparmor/parameters/enabled', 'Y'],
    ]);
    expect(parseSecurity(contents)).toEqual({
      modules: ['lockdown', 'capability', 'selinux', 'bpf'],
      selinux: { mode: 'enforcing', configured: 'permissive', policy: 'targeted' },
      apparmor: { enabled: true },
    });
    expect(parseSecurity(new Map())).toEqual({});
  });

  test('time zones', () => {
    expect(parseZoneLink('/usr/share/zoneinfo/Europe/Berlin\n')).toBe('Europe/Berlin');
    expect(parseZoneLink('../usr/share/zoneinfo/posix/UTC\n')).toBe('UTC');
    expect(parseZoneLink('')).toBe('');
    expect(parseZoneRule('TZif2\0\0...\nCET-1CEST,M3.5.0,M10.5.0/3\n')).toBe('CET-1CEST,M3.5.0,M10.5.0/3');
  });

  test.each([parseOsRelease, parseUname, parseCpuinfo, parseMeminfo, parseCgroups, parseBlocks, parseZoneRule])(
    '%o refuses what is not its own',
    (parse) => {
      for (const text of ['', 'garbage', '\u0000', '{}']) expect(() => parse(text)).toThrow();
    },
  );

  test('files of NUMA nodes that do not belong together', () => {
    expect(parseNuma(new Map())).toEqual([]);
    expect(() => parseNuma(new Map([[`${places.numa}/node0/distance`, '10 20']]))).toThrow();
  });
});
