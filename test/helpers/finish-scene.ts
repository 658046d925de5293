/** Scenes of finishing: a machine as it was captured, and as it is after it was built anew. */
import type { Facts } from '../../src/facts/types.ts';
import type { Scene } from '../../src/finalize/scene.ts';
import { type Component, type Layout, parseLayout } from '../../src/layout/types.ts';
import type { Network } from '../../src/network/types.ts';
import { expect } from 'vitest';
import { finish } from '../../src/finalize/finish.ts';
import { planFinish } from '../../src/finalize/plan.ts';
import { type Answer, mountedAt, restoredRoot } from './restored-root.ts';

const capturedAt = '2026-11-21T12:00:00.000Z';

export const facts: Facts = {
  format: 'lifeboat.facts/1',
  capturedAt,
  hostname: 'web1',
  machineId: '0123456789abcdef0123456789abcdef',
  osRelease: { id: 'debian', versionId: '12', prettyName: 'Debian GNU/Linux 12 (bookworm)' },
  kernel: '6.1.0-50-amd64',
  architecture: 'x86_64',
  cpuCount: 2,
  memoryBytes: 2 ** 30,
  firmware: 'bios',
  packages: {},
  gaps: [],
};

export const noNetwork: Network = {
  format: 'lifeboat.network/1',
  capturedAt,
  hostname: 'web1',
  links: [],
  routes: [],
  dns: { servers: [], search: [] },
  gaps: [],
};

/** As the rescue system sees it: the same components but for what `change` makes of them, mounted below {@link mountedAt}. */
export function rebuiltOf(layout: Layout, change: (one: Component) => readonly Component[] = (one) => [one]): Layout {
  const components = layout.components.flatMap((one): readonly Component[] => {
    if (one.kind === 'boot' || one.kind === 'loader') return [];
    if (one.kind !== 'mount') return change(one);
    if (one.category === 'pseudo' || !one.mounted) return [];
    const { fstab: _, ...mount } = one;
    return change({
      ...mount,
      id: `mount:${mountedAt}${one.path}`,
      path: `${mountedAt}${one.path}`.replace(/\/$/, ''),
    });
  });
  return parseLayout({ ...layout, components, gaps: [] });
}

export function sceneOf(captured: Layout, more: Partial<Scene> = {}): Scene {
  return {
    root: mountedAt,
    captured: { layout: captured, network: noNetwork, facts },
    layout: rebuiltOf(captured),
    network: noNetwork,
    firmware: 'bios',
    clone: false,
    ...more,
  };
}

/** Commands that only look. */
const asks = /^(rescue )?(efibootmgr -v|realpath|grep|find|getfattr|modprobe|lsinit|udevadm info)/;

/** Plans and carries out, over a restored system of these files, whose programs give these answers. */
export async function finished(
  scene: Scene,
  files: Readonly<Record<string, string>>,
  answers: Readonly<Record<string, Answer>> = {},
) {
  const { signal } = new AbortController();
  await using root = await restoredRoot(files, answers);
  const acts = (): string[] => root.ran.filter((line) => !asks.test(line));
  const plan = await planFinish(scene, root.host, signal);
  expect(acts(), 'a plan only reads').toEqual([]);
  const done = await finish(scene, plan, { host: root.host, say: () => undefined }, signal);
  const contents = Object.fromEntries(
    done.changed.flatMap((path) => (path in files && root.has(path) ? [[path, root.read(path)]] : [])),
  );
  return { ...done, deeds: plan.deeds, ran: acts(), contents };
}
