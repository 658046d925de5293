import type { Medium } from '../../src/media/medium.ts';

/** What a rescue medium says of itself, where a test has no need of a real one. */
export const madeMedium: Medium = {
  format: 'lifeboat.medium/1',
  id: '0123456789abcdef',
  made: '2026-11-20T00:00:00Z',
  host: 'box',
  version: '1.0.0',
  kernel: { version: '6.1.0-50-amd64', sha256: 'aa' },
  base: { digest: 'b', resolved: '2026-11-01' },
  of: {},
  modules: [],
  secrets: [],
};
