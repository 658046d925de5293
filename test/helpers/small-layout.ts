/** Small layouts for judging what a backup holds, and the judgement in words. */
import { type Component, type ComponentOf, type Layout, layoutFormat } from '../../src/layout/types.ts';
import { coverage } from '../../src/point/coverage.ts';

type Mount = ComponentOf<'mount'>;

export const mount = (path: string, more: Partial<Mount> = {}): Mount => ({
  kind: 'mount',
  id: `mount:${path}`,
  on: [],
  path,
  mounted: true,
  source: '/dev/x',
  fstype: 'ext4',
  options: 'rw',
  root: '/',
  category: 'local',
  ...more,
});

export const layoutOf = (...components: Component[]): Layout => ({
  format: layoutFormat,
  capturedAt: '2026-11-20T12:00:00.000Z',
  components,
  gaps: [],
});

export const subvolume = (path: string, more: Partial<ComponentOf<'subvolume'>> = {}): ComponentOf<'subvolume'> => ({
  kind: 'subvolume',
  id: `subvolume:fs:${path}`,
  on: ['fs'],
  path,
  number: 256,
  readOnly: false,
  isDefault: false,
  ...more,
});

/** State and reason by subject, of one kind or of all. */
export function states(
  layout: Layout,
  include: string[],
  exclude: string[] = [],
  kind?: string,
): Record<string, string> {
  const items = coverage(layout, { include, exclude }).filter((item) => kind === undefined || item.kind === kind);
  return Object.fromEntries(items.map(({ subject, state, reason }) => [subject, `${state}: ${reason}`]));
}
