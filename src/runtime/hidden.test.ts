import { expect, test } from 'vitest';
import { withoutSecrets } from './hidden.ts';
import { type Container, containerFormat } from './model/container.ts';

const container: Container = {
  format: containerFormat,
  capturedAt: '2026-11-22T00:00:00.000Z',
  runtime: 'podman',
  id: 'a',
  name: 'a',
  state: 'running',
  mounts: [
    {
      kind: 'volume',
      destination: '/share',
      driver: 'local',
      options: ['type=cifs', 'username=me', 'password=geheim-8', 'o=rw,username=me,pass=geheim-9,geheim-10', 'uid=0'],
    },
    { kind: 'bind', destination: '/ceph', options: ['name=admin,secret=geheim-11', 'password2=geheim-12', 'ro'] },
  ],
  namespaces: [],
  networks: [],
  ports: [],
  labels: { 'app.password': 'geheim-1', tier: 'front' },
  annotations: { token: 'geheim-2' },
  process: {
    args: ['server', '--password', 'geheim-3', '--listen', '80'],
    env: ['POSTGRES_PASSWORD=geheim-4', 'LANG=C', 'URL=postgres://me:geheim-5@db/x'],
  },
  health: { test: ['CMD', 'probe', '--token=geheim-6'] },
  definedBy: [{ kind: 'command', paths: [], command: ['podman', 'run', '-e', 'API_TOKEN=geheim-7', 'nginx'] }],
  gaps: [],
};

test('secrets are hidden wherever they stand, and nothing else is', () => {
  const hidden = withoutSecrets(container);
  expect(JSON.stringify(hidden)).not.toContain('geheim');
  expect(hidden.process?.args).toEqual(['server', '--password', '[redacted]', '--listen', '80']);
  expect(hidden.process?.env).toContain('LANG=C');
  expect(hidden.mounts[0]?.options).toEqual([
    'type=cifs',
    'username=me',
    'password=[redacted]',
    'o=rw,username=me,pass=[redacted]',
    'uid=0',
  ]);
  expect(hidden.mounts[1]?.options?.at(-1)).toBe('ro');
  expect(hidden.labels).toMatchObject({ tier: 'front' });
  expect(hidden.definedBy[0]?.command).toEqual(['podman', 'run', '-e', 'API_TOKEN=[redacted]', 'nginx']);
});
