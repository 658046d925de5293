import { existsSync, readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, hostname, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Host } from '../host/host.ts';
import { localHost } from '../host/local.ts';
import { recordedHost } from '../host/recorded.ts';
import type { Jsonable } from '../kernel/json.ts';
import { captureFacts, parseCpuinfo, parseMeminfo, parseOsRelease, parseUname } from './capture.ts';
import { factsText } from './text.ts';
import { type Facts, parseFacts } from './types.ts';

const now = new Date('2026-11-20T12:00:00Z');
const fixtures = join(import.meta.dirname, '../../test/fixtures');

function recorded() {
  const tools = ['ls', 'uname', 'dpkg-query', 'systemd-detect-virt', 'proc'];
  const parts = tools.map((tool) => JSON.parse(readFileSync(join(fixtures, tool, 'debian12.json'), 'utf8')));
  return {
    commands: parts.flatMap(({ commands }) => commands),
    files: Object.assign({}, ...parts.map(({ files }) => files ?? {})),
  };
}

test('a recorded machine', async ({ signal }) => {
  const facts = await captureFacts(recordedHost(recorded()), now, signal);
  const plain: Jsonable<Facts> = facts;
  expect(parseFacts(JSON.parse(JSON.stringify(plain)))).toEqual(facts);
  expect(facts).toEqual({
    format: 'lifeboat.facts/1',
    capturedAt: '2026-11-20T12:00:00.000Z',
    hostname: 'web1',
    machineId: '00000000000000000000000000000001',
    osRelease: { id: 'debian', versionId: '12', prettyName: 'Debian GNU/Linux 12 (bookworm)' },
    kernel: '6.18.44',
    architecture: 'x86_64',
    cpuCount: 2,
    cpuModel: 'AMD EPYC',
    memoryBytes: expect.any(Number),
    firmware: 'bios',
    virtualization: 'docker',
    packages: { dpkg: 40 },
    gaps: [],
  });
  expect(factsText({ ...facts, memoryBytes: 1 << 30 })).toMatchSnapshot();
});

describe('what goes wrong is a named gap', () => {
  afterEach(() => vi.useRealTimers());

  const never = async () => await new Promise<never>(() => {});
  const dead: Host = {
    name: 'dead',
    run: never,
    read: never,
    stream: () => expect.unreachable(),
    write: () => expect.unreachable('capture writes nothing'),
    [Symbol.asyncDispose]: async () => {},
  };

  test('a host that never answers ends within a bounded time', async ({ signal }) => {
    vi.useFakeTimers();
    const done = captureFacts(dead, now, signal);
    await vi.advanceTimersByTimeAsync(120_000);
    const facts = await done;
    expect(facts).toMatchObject({
      hostname: 'unknown',
      kernel: 'unknown',
      cpuCount: 0,
      firmware: 'unknown',
      packages: {},
    });
    expect(facts.gaps.map(({ subject }) => subject)).toContain('/proc/cpuinfo');
    expect(() => parseFacts(JSON.parse(JSON.stringify(facts)))).not.toThrow();
  });

  test('empty and garbled files', async ({ signal }) => {
    const { commands, files } = recorded();
    const garbled = Object.fromEntries(Object.keys(files).map((path) => [path, '\u0000\u001b[31m\n\n']));
    const facts = await captureFacts(
      recordedHost({ commands, files: { ...garbled, '/usr/lib/os-release': null } }),
      now,
      signal,
    );
    expect(facts.gaps.map(({ subject }) => subject).sort()).toEqual([
      '/etc/machine-id',
      '/etc/os-release',
      '/proc/cpuinfo',
      '/proc/meminfo',
      '/proc/sys/kernel/hostname',
      '/usr/lib/os-release',
    ]);
    expect(factsText(facts)).not.toContain('\u001b');
  });
});

describe('parsers', () => {
  test.each([
    ['ID=arch\nPRETTY_NAME="Arch Linux"\n', { id: 'arch', prettyName: 'Arch Linux' }],
    [`ID='x'\nVERSION_ID=3.20\nPRETTY_NAME="a \\"b\\" \\$c"\n`, { id: 'x', versionId: '3.20', prettyName: 'a "b" $c' }],
    ['NAME=Only\n', { id: 'linux', prettyName: 'Only' }],
  ])('os-release %j', (content, expected) => {
    expect(parseOsRelease(content)).toEqual(expected);
  });

  test('a CPU without a model, as on arm64', () => {
    expect(parseCpuinfo('processor\t: 0\nBogoMIPS\t: 50\n\nprocessor\t: 1\n')).toEqual({ count: 2 });
  });

  test.each([parseOsRelease, parseUname, parseCpuinfo, parseMeminfo])('%o refuses what is not its own', (parse) => {
    for (const text of ['', 'garbage', '\u0000', '{}']) expect(() => parse(text)).toThrow();
  });
});

test('this machine, against node and /sys', async ({ signal }) => {
  await using host = localHost();
  const facts = await captureFacts(host, now, signal);
  expect(facts).toMatchObject({ hostname: hostname(), kernel: release(), memoryBytes: totalmem() });
  expect(facts.architecture).toBe(arch() === 'x64' ? 'x86_64' : 'aarch64');
  expect(facts.cpuCount).toBeGreaterThanOrEqual(Math.min(availableParallelism(), cpus().length));
  expect(facts.firmware === 'uefi').toBe(existsSync('/sys/firmware/efi'));
});
