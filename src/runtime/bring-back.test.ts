import { expect, test } from 'vitest';
import { smallContainer as container } from '../../test/helpers/small-container.ts';
import { bringBack } from './bring-back.ts';
import type { Container } from './model/container.ts';

const units = ['podman-restart.service', 'docker.service', 'lxc.service', 'container-web.service'];
const unit = { PODMAN_SYSTEMD_UNIT: 'container-web.service' };
const quadlet = { kind: 'quadlet' as const, paths: ['/etc/containers/systemd/web.container'] };

test.each<[Partial<Container>, string[], string]>([
  [{ restart: { policy: 'always' } }, units, 'itself: podman-restart.service (restart policy always)'],
  [{ restart: { policy: 'always' } }, [], 'somebody: podman start web (podman-restart.service is not enabled)'],
  [
    { restart: { policy: 'unless-stopped' } },
    units,
    'somebody: podman start web (its restart policy is unless-stopped, and no unit runs it)',
  ],
  [{}, units, 'somebody: podman start web (its restart policy is no, and no unit runs it)'],
  [{ labels: unit }, units, 'itself: container-web.service (it is run by this unit)'],
  [
    { labels: unit },
    [],
    'somebody: systemctl enable --now container-web.service (container-web.service is not enabled)',
  ],
  [
    { labels: { PODMAN_SYSTEMD_UNIT: 'web.service' }, definedBy: [quadlet] },
    [],
    'itself: web.service, made at boot of /etc/containers/systemd/web.container, if its [Install] says so',
  ],
  [{ pod: { id: 'p', infra: true } }, [], 'itself: the containers of its pod bring it along'],
  [{ state: 'exited', restart: { policy: 'always' } }, units, 'not: it did not run'],
  [
    { runtime: 'docker', restart: { policy: 'unless-stopped' } },
    units,
    'itself: docker.service (restart policy unless-stopped)',
  ],
  [
    { runtime: 'docker', restart: { policy: 'on-failure' } },
    units,
    'somebody: docker start web (its restart policy is on-failure)',
  ],
  [{ runtime: 'docker' }, units, 'somebody: docker start web (its restart policy is no)'],
  [{ runtime: 'lxc', annotations: { 'lxc.start.auto': '1' } }, units, 'itself: lxc.service (lxc.start.auto)'],
  [{ runtime: 'lxc' }, units, 'somebody: lxc-start --name web (lxc.start.auto is not 1)'],
  [
    { runtime: 'runc', storage: ['/ct/web'] },
    units,
    'somebody: what had started it, or "runc run --bundle /ct/web web" (its runtime starts nothing)',
  ],
  [
    { runtime: 'containerd', labels: { 'containerd.io/namespace': 'k8s.io' } },
    ['kubelet.service'],
    'itself: kubelet.service (it makes the containers of its pods anew)',
  ],
  [
    { runtime: 'containerd', labels: { 'containerd.io/namespace': 'default', 'nerdctl/name': 'web' } },
    units,
    'somebody: nerdctl --namespace default start web (its restart policy is no)',
  ],
  [
    { runtime: 'containerd', restart: { policy: 'always' }, labels: { 'containerd.io/namespace': 'default' } },
    ['containerd.service'],
    'itself: containerd.service (restart policy always)',
  ],
  [{ runtime: 'process' }, units, 'somebody: by what had started it: no runtime knows it'],
])('%j with %j: %s', (more, enabled, expected) => {
  const { by, how } = bringBack(container(more), new Set(enabled));
  expect(`${by}: ${how}`).toBe(expected);
});

test('where nobody was asked for units, none is said to start anything', () => {
  expect(bringBack(container({ restart: { policy: 'always' } }), undefined)).toEqual({
    by: 'somebody',
    how: 'podman start web (nobody could tell whether podman-restart.service is enabled)',
  });
});
