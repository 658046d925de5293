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
  mounts: [],
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
  expect(hidden.labels).toMatchObject({ tier: 'front' });
  expect(hidden.definedBy[0]?.command).toEqual(['podman', 'run', '-e', 'API_TOKEN=[redacted]', 'nginx']);
});
