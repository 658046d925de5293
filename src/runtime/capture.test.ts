/** Recorded with podman, crun and runc of Debian 13: `RECORD=1 npm test -- test/runtime`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { containersText } from '../cli/containers-text.ts';
import { recordedHost } from '../host/recorded.ts';
import { captureContainers } from './capture.ts';
import { withoutSecrets } from './hidden.ts';
import { parseContainer } from './model/container.ts';

const recording: unknown = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../test/fixtures/podman/trixie.json'), 'utf8'),
);
const signal = new AbortController().signal;
const now = new Date('2026-11-22T15:00:00Z');

async function captured() {
  await using host = recordedHost(recording);
  return await captureContainers(host, now, signal, ['podman', 'crun', 'runc', 'process']);
}

test('containers of all runtimes are in the list once, and are documents of the model', async () => {
  const { containers, gaps } = await captured();
  expect(gaps).toEqual([]);
  expect(containers.map(({ runtime, name }) => `${runtime} ${name}`).sort()).toEqual([
    'podman never',
    'podman web',
    'runc plain',
  ]);
  for (const container of containers) {
    expect(parseContainer(JSON.parse(JSON.stringify(container)))).toEqual(container);
  }
});

test('a container of podman: what it was told, its specification and the kernel together', async () => {
  const { containers } = await captured();
  const web = containers.find(({ name }) => name === 'web');
  expect(web).toMatchObject({
    state: 'running',
    labels: { tier: 'front' },
    networks: [{ kind: 'none' }],
    restart: { policy: 'no' },
    rootfs: { path: '/ct/rootfs' },
    security: { seccomp: { defaultAction: 'SCMP_ACT_ERRNO' } },
    limits: { version: 1, cpu: { quotaUs: 50_000, periodUs: 100_000 }, memory: { limitBytes: 67_108_864 }, pids: 50 },
  });
  expect(web?.mounts.filter(({ kind }) => kind !== 'system')).toEqual([
    expect.objectContaining({ kind: 'volume', name: 'vol1', destination: '/data' }),
  ]);
  expect(web?.security?.capabilities?.effective).toContain('CAP_CHOWN');
});

test('one that was never started has what it was defined with, and no state of the kernel', async () => {
  const { containers } = await captured();
  const never = containers.find(({ name }) => name === 'never');
  expect(never).toMatchObject({ state: 'created', networks: [{ kind: 'host' }], restart: { policy: 'always' } });
  expect(never).not.toHaveProperty('limits');
  expect(never?.namespaces).toEqual([]);
});

test('printed, no secret is in it', async () => {
  const { containers, gaps } = await captured();
  expect(JSON.stringify(containers)).toContain('hunter22');
  expect(JSON.stringify(containers.map(withoutSecrets))).not.toContain('hunter22');
  const text = containersText(containers, gaps, now.getTime());
  expect(text).not.toContain('hunter22');
  expect(text).toContain('0.5 CPUs, 64.0 MiB of memory, 50 processes');
  expect(text).toContain('vol1:/data');
});

const asked =
  'find /var/lib/containers/storage /run/crun /run/runc /run/containerd/runc /run/docker/runtime-runc -maxdepth 3 ' +
  '( -name containers.json -o -name volatile-containers.json -o -name db.sql -o -name status -o -name state.json ) -print0';

test('a host without any container is asked for no tool', async () => {
  const none = {
    commands: [
      {
        argv: asked.split(' '),
        code: 1,
        stdout: '',
      },
    ],
  };
  await using host = recordedHost(none);
  const only = ['podman', 'crun', 'runc'] as const;
  expect(await captureContainers(host, now, signal, only)).toEqual({ containers: [], gaps: [] });
});
