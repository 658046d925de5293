import { existsSync } from 'node:fs';
import { arch, availableParallelism, cpus, hostname, release, totalmem, userInfo } from 'node:os';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Host } from '../host/host.ts';
import { localHost } from '../host/local.ts';
import { asNobody } from '../../test/helpers/as-nobody.ts';
import { factsMachine } from '../../test/helpers/machines.ts';
import { recordedHost } from '../host/recorded.ts';
import type { Jsonable } from '../kernel/json.ts';
import { captureFacts } from './capture.ts';
import { factsChanges } from './diff.ts';
import { factsText } from './text.ts';
import { type Facts, parseFacts } from './types.ts';

const now = new Date('2026-11-20T12:00:00Z');
async function replayed(machine: string, signal: AbortSignal): Promise<Facts> {
  const facts = await captureFacts(recordedHost(factsMachine(machine)), now, signal);
  const plain: Jsonable<Facts> = facts;
  expect(parseFacts(JSON.parse(JSON.stringify(plain)))).toEqual(facts);
  return facts;
}

test('a recorded machine without systemd running', async ({ signal }) => {
  const facts = await replayed('debian12', signal);
  expect(facts).toMatchObject({
    format: 'lifeboat.facts/1',
    capturedAt: '2026-11-20T12:00:00.000Z',
    hostname: 'web1',
    machineId: '00000000000000000000000000000001',
    osRelease: { id: 'debian', versionId: '12', prettyName: 'Debian GNU/Linux 12 (bookworm)' },
    kernel: '6.18.44',
    architecture: 'x86_64',
    cpuCount: 2,
    cpuModel: 'AMD EPYC',
    cpu: { vendor: 'AuthenticAMD', sockets: 1, cores: 2, threads: 2 },
    numa: [{ node: 0, cpus: [0, 1], distances: [10] }],
    firmware: 'bios',
    virtualization: 'docker',
    cgroup: { version: 'hybrid' },
    timeZone: 'Etc/UTC',
    containers: [],
    guests: [],
  });
  expect(facts.packages.dpkg).toHaveLength(40);
  expect(facts.services?.failed).toBeUndefined();
  expect(facts.gaps.map(({ subject }) => subject)).toEqual(['processes of listening ports']);
  expect(factsText({ ...facts, memoryBytes: 1 << 30 })).toMatchSnapshot();
});

test('a recorded machine with services, containers and users', async ({ signal }) => {
  const facts = await replayed('debian12-services', signal);
  expect(facts.gaps).toEqual([]);
  expect(facts.users).toEqual([
    expect.objectContaining({ name: 'root', passwordState: 'locked', sshKeys: false }),
    expect.objectContaining({ name: 'alice', uid: 1000, shell: '/bin/bash', passwordState: 'locked', sshKeys: true }),
    expect.objectContaining({ name: 'bob', home: '/home/bob', passwordState: 'set', sshKeys: false }),
  ]);
  expect(facts.services?.failed).toEqual(['broken.service']);
  const enabled = facts.services?.enabled.map(({ name }) => name);
  expect(enabled).toEqual(expect.arrayContaining(['ssh.service', 'worker@a.service', 'worker@b.service']));
  expect(enabled?.filter((name) => name.includes('@.'))).toEqual([]);
  expect(facts.timers?.find(({ name }) => name === 'logrotate.timer')?.schedule).toEqual(['OnCalendar=hourly']);
  expect(facts.timers?.map(({ name }) => name)).not.toContain('fstrim.timer');
  expect(facts.ports?.filter(({ port }) => port === 80)).toEqual([
    expect.objectContaining({ address: '0.0.0.0', process: 'nginx', unit: 'nginx.service', ephemeral: false }),
    expect.objectContaining({ address: '::', process: 'nginx' }),
  ]);
  expect(
    facts.containers?.map(({ manager, name, running, transient, paths }) => [
      `${manager} ${name}`,
      running,
      transient ?? false,
      paths.filter((path) => !/[0-9a-f]{64}/.test(path)),
    ]),
  ).toEqual([
    ['docker app', true, false, []],
    ['docker once', false, true, []],
    ['docker web', false, false, ['/srv/data', '/var/lib/docker/volumes/webdata/_data']],
    ['lxc lxcweb', false, false, ['/srv/data', '/var/lib/lxc/lxcweb']],
    ['nspawn nest', false, false, ['/var/lib/machines/nest']],
    ['podman podonce', true, true, []],
    ['podman podrun', true, false, ['/var/lib/containers/storage/volumes/poddata/_data']],
    ['podman podweb', false, false, []],
    ['podman systemd-caddy', undefined, false, ['/srv/caddy']],
  ]);
  expect(JSON.stringify(facts)).not.toMatch(/hunter2|correcthorse|abcdef123|\$y\$|\$6\$/);
  expect(facts.cron?.map(({ command }) => command)).toContain(
    '/usr/local/bin/push --password=[redacted] https://me:[redacted]@example.org/x',
  );
  expect(factsText({ ...facts, memoryBytes: 1 << 30 })).toMatchSnapshot();
});

test('two captures of an unchanged machine do not differ', async ({ signal }) => {
  const [first, second] = [await replayed('debian12-services', signal), await replayed('debian12-services', signal)];
  expect(factsChanges(first, second)).toEqual([]);
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
    await vi.advanceTimersByTimeAsync(300_000);
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

  test('a bus that does not answer costs the states of services alone', async ({ signal }) => {
    vi.useFakeTimers();
    const host = recordedHost(factsMachine('debian12-services'));
    const hanging: Host = {
      ...host,
      run: async (argv, options, inner) =>
        argv.includes('list-units') ? await never() : await host.run(argv, options, inner),
    };
    const done = captureFacts(hanging, now, signal);
    await vi.advanceTimersByTimeAsync(60_000);
    const facts = await done;
    expect(facts.gaps).toMatchObject([{ subject: 'states of services' }]);
    expect(facts.services?.enabled.map(({ name }) => name)).toContain('ssh.service');
    expect(facts.services).not.toHaveProperty('failed');
  });

  test.each(['', '\u0000\u001b[31m\n\n', 'garbage\n', '{}', '/a:b\n', '\udcff\udc80: x\n'])(
    'every answer is %j',
    async (answer) => {
      const { signal } = new AbortController();
      const { commands, files } = factsMachine('debian12-services');
      const garbled = recordedHost({
        commands: commands.map((command) => ({ ...command, stdout: answer })),
        files: Object.fromEntries(Object.keys(files).map((path) => [path, answer])),
      });
      const places = commands.find(({ argv }) => argv[0] === 'ls' && argv.includes('/sys/firmware/acpi'));
      const host: Host = {
        ...garbled,
        // With the places known, everything else is asked too; a question that depends on an answer finds nothing.
        run: async (argv, options, inner) =>
          argv[0] === 'ls' && argv[1] === '-d'
            ? await recordedHost({ commands: [places] }).run(argv, options, inner)
            : await garbled.run(argv, options, inner),
      };
      const facts = await captureFacts(host, now, signal);
      expect(() => parseFacts(JSON.parse(JSON.stringify(facts)))).not.toThrow();
      expect(facts.gaps.map(({ subject }) => subject)).toEqual(
        expect.arrayContaining(['/proc/cpuinfo', '/proc/meminfo', '/etc/passwd', 'services', 'dpkg packages']),
      );
      expect(factsText(facts)).not.toMatch(/[^\P{Cc}\n]|[\ud800-\udfff]/u);
    },
  );

  test('every tool is missing', async ({ signal }) => {
    const { commands } = factsMachine('debian12-services');
    const host = recordedHost({ commands: commands.map((command) => ({ ...command, missing: true })), files: {} });
    const facts = await captureFacts(host, now, signal);
    expect(facts.gaps.find(({ subject }) => subject === 'cron')?.hint).toContain('findutils');
  });
});

/** Holds wherever the tests run. */
function holds(facts: Facts): void {
  expect(() => parseFacts(JSON.parse(JSON.stringify(facts)))).not.toThrow();
  expect(facts).toMatchObject({ hostname: hostname(), kernel: release(), memoryBytes: totalmem() });
  expect(facts.architecture).toBe(arch() === 'x64' ? 'x86_64' : 'aarch64');
  expect(facts.cpuCount).toBeGreaterThanOrEqual(Math.min(availableParallelism(), cpus().length));
  expect(facts.firmware === 'uefi').toBe(existsSync('/sys/firmware/efi'));
  expect(facts.users?.map(({ name }) => name)).toContain('root');
  const cores = facts.cpu?.cores ?? 0;
  expect(cores).toBeGreaterThanOrEqual(facts.cpu?.sockets ?? 0);
  expect(facts.cpuCount).toBeGreaterThanOrEqual(cores);
  const lists = Object.values(facts.packages);
  expect(lists.every((list) => typeof list !== 'number' && list.every(({ name, version }) => name && version))).toBe(
    true,
  );
}

test('this machine, against node and /sys; twice it is the same', async ({ signal }) => {
  await using host = localHost();
  const facts = await captureFacts(host, now, signal);
  holds(facts);
  expect(factsChanges(facts, await captureFacts(host, now, signal))).toEqual([]);
});

const isRoot = userInfo().uid === 0;

test.skipIf(!isRoot)(
  `this machine as nobody${isRoot ? '' : ' (skipped: only root becomes another user)'}`,
  async ({ signal }) => {
    await using own = localHost();
    const facts = await captureFacts(asNobody(own), now, signal);
    holds(facts);
    expect(facts.gaps.map(({ subject }) => subject)).toContain('passwords of users');
    expect(facts.users?.some(({ passwordState }) => passwordState !== undefined)).toBe(false);
    // What root sees beyond that is no change.
    const root = await captureFacts(own, now, signal);
    expect(factsChanges(facts, root)).toEqual([]);
    expect(factsChanges(root, facts)).toEqual([]);
  },
);
