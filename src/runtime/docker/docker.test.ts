/** Recorded with docker, runc and LXC of Debian 13: `RECORD=1 npm test -- test/runtime/daemons`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { asker } from '../../host/asker.ts';
import { recordedHost } from '../../host/recorded.ts';
import { captureContainers } from '../capture.ts';
import { withoutSecrets } from '../hidden.ts';
import { parseContainer } from '../model/container.ts';
import { describeDocker } from './describe.ts';
import { docker, parseList } from './docker.ts';
import { inspectSchema, networksSchema } from './schema.ts';

const recording: unknown = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../test/fixtures/docker/trixie.json'), 'utf8'),
);
const signal = new AbortController().signal;

async function captured() {
  await using host = recordedHost(recording);
  return await captureContainers(host, new Date('2026-11-22T18:00:00Z'), signal, ['docker', 'lxc', 'runc']);
}

test('what docker runs by runc is in the list once, as docker knows it', async () => {
  const { containers, gaps } = await captured();
  expect(gaps).toEqual([]);
  expect(containers.map(({ runtime, name }) => `${runtime} ${name}`).sort()).toEqual([
    'docker never',
    'docker web',
    'lxc one',
    'lxc two',
  ]);
  for (const container of containers) expect(parseContainer(JSON.parse(JSON.stringify(container)))).toEqual(container);
  expect(JSON.stringify(containers)).toContain('hunter22');
  expect(JSON.stringify(containers.map(withoutSecrets))).not.toContain('hunter22');
});

test('a container of docker: what it was told, its specification and the kernel together', async () => {
  const { containers } = await captured();
  const web = containers.find(({ name }) => name === 'web');
  expect(web).toMatchObject({
    runtime: 'docker',
    state: 'running',
    image: { reference: 'base:1', layers: [expect.stringMatching(/^\/var\/lib\/docker\/overlay2\/\w+\/diff$/)] },
    rootfs: { driver: 'overlay2', writable: expect.stringMatching(/overlay2\/\w+\/diff$/) },
    storage: ['/var/lib/docker'],
    networks: [{ kind: 'none' }],
    restart: { policy: 'unless-stopped' },
    security: { seccomp: { defaultAction: 'SCMP_ACT_ERRNO' } },
    limits: { version: 1, cpu: { quotaUs: 50_000, periodUs: 100_000 }, memory: { limitBytes: 67_108_864 }, pids: 50 },
  });
  expect(web?.mounts.filter(({ kind }) => kind !== 'system')).toEqual([
    expect.objectContaining({ kind: 'volume', name: 'vol1', source: '/var/lib/docker/volumes/vol1/_data' }),
  ]);
});

test('one that was never started has the limits that it was defined with, and none of the kernel', async () => {
  const { containers } = await captured();
  const never = containers.find(({ name }) => name === 'never');
  expect(never).toMatchObject({ state: 'created', networks: [{ kind: 'host' }] });
  expect(never).not.toHaveProperty('limits');
});

test('networks, ports and limits, as the API has them', () => {
  const [one] = inspectSchema.parse([
    {
      Id: 'a',
      Name: '/a',
      State: { Status: 'restarting' },
      Config: { Image: 'nginx:1' },
      HostConfig: {
        NetworkMode: 'front',
        NanoCpus: 1_500_000_000,
        Memory: 1024,
        PidsLimit: null,
        PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] },
      },
      NetworkSettings: { Networks: { front: { IPAddress: '172.18.0.2', IPPrefixLen: 16 } } },
    },
  ]);
  if (one === undefined) throw new Error('nothing parsed');
  const networks = networksSchema.parse([{ Id: '0123456789abcdef', Name: 'front', Driver: 'bridge', Options: {} }]);
  expect(describeDocker(one, {}, undefined, networks)).toMatchObject({
    name: 'a',
    state: 'exited',
    networks: [{ kind: 'bridge', name: 'front', parent: 'br-0123456789ab', addresses: ['172.18.0.2/16'], nat: true }],
    ports: [{ protocol: 'tcp', inside: 80, outside: 8080 }],
    definedLimits: { version: 1, cpu: { quotaUs: 150_000, periodUs: 100_000 }, memory: { limitBytes: 1024 } },
  });
});

test('an empty list is one; a daemon that does not run is not started, and named', async () => {
  expect(parseList('')).toEqual([]);
  await using host = recordedHost({ commands: [], files: { '/run/docker.pid': null } });
  const questions = asker(host, signal);
  expect(await docker.list(questions, ['/var/lib/docker/containers/a/config.v2.json'])).toEqual([]);
  expect(questions.gaps).toEqual([expect.objectContaining({ subject: 'docker' })]);
});
