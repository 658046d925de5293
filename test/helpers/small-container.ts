/** Containers of which no more is said than what is looked at. */
import type { Container } from '../../src/runtime/model/container.ts';

export const smallContainer = (more: Partial<Container>): Container => ({
  format: 'lifeboat.container/1',
  capturedAt: '2026-11-20T12:00:00.000Z',
  runtime: 'podman',
  id: '1',
  name: 'web',
  state: 'running',
  mounts: [],
  namespaces: [],
  networks: [],
  ports: [],
  labels: {},
  annotations: {},
  definedBy: [],
  gaps: [],
  ...more,
});
