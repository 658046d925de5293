/** How a container that ran is brought back once its host has been recovered and has booted: by what starts by itself there, or by somebody. */
import type { Container } from './model/container.ts';

export interface BringBack {
  /** `itself`: nobody has to do anything; `somebody`: it stays down until somebody does as `how` says; `not`: it did not run. */
  readonly by: 'itself' | 'somebody' | 'not';
  readonly how: string;
}

/**
 * @param enabled names of units that are started at boot, with their suffix; `undefined` where nobody was asked, and then nothing is said to
 *   start by itself that needs one
 */
export function bringBack(container: Container, enabled: ReadonlySet<string> | undefined): BringBack {
  const { name, state, pod } = container;
  if (state !== 'running' && state !== 'paused') return { by: 'not', how: 'it did not run' };
  if (pod?.infra === true) return { by: 'itself', how: 'the containers of its pod bring it along' };
  switch (container.runtime) {
    case 'podman':
      return ofPodman(container, enabled);
    case 'docker': {
      const { policy = 'no' } = container.restart ?? {};
      const start = `docker start ${name}`;
      // With on-failure the daemon starts what has failed, and nothing after its own start.
      if (policy !== 'always' && policy !== 'unless-stopped') return somebody(start, `its restart policy is ${policy}`);
      return byUnit('docker.service', enabled, `restart policy ${policy}`, start);
    }
    case 'lxc':
      if (container.annotations['lxc.start.auto'] !== '1')
        return somebody(`lxc-start --name ${name}`, 'lxc.start.auto is not 1');
      return byUnit('lxc.service', enabled, 'lxc.start.auto', `lxc-start --name ${name}`);
    case 'containerd':
      return ofContainerd(container, enabled);
    case 'runc':
    case 'crun':
      return somebody(
        `what had started it, or "${container.runtime} run --bundle ${bundleOf(container)} ${name}"`,
        'its runtime starts nothing',
      );
    case 'process':
      return { by: 'somebody', how: 'by what had started it: no runtime knows it' };
  }
}

function ofContainerd({ id, labels, restart }: Container, enabled: ReadonlySet<string> | undefined): BringBack {
  const { 'containerd.io/namespace': namespace = 'default', 'nerdctl/name': name } = labels;
  if (namespace === 'k8s.io')
    return byUnit(
      'kubelet.service',
      enabled,
      'it makes the containers of its pods anew',
      'systemctl enable --now kubelet',
    );
  const start =
    name === undefined
      ? `ctr --namespace ${namespace} tasks start --detach ${id}`
      : `nerdctl --namespace ${namespace} start ${name}`;
  const { policy = 'no' } = restart ?? {};
  if (policy !== 'always' && policy !== 'unless-stopped') return somebody(start, `its restart policy is ${policy}`);
  return byUnit('containerd.service', enabled, `restart policy ${policy}`, start);
}

function ofPodman(container: Container, enabled: ReadonlySet<string> | undefined): BringBack {
  const { name, labels, definedBy, restart } = container;
  const quadlet = definedBy.find(({ kind }) => kind === 'quadlet' || kind === 'kube');
  const unit = labels['PODMAN_SYSTEMD_UNIT'];
  if (quadlet !== undefined)
    return {
      by: 'itself',
      how: `${unit ?? 'a unit'}, made at boot of ${quadlet.paths.join(', ')}, if its [Install] says so`,
    };
  if (unit !== undefined) return byUnit(unit, enabled, 'it is run by this unit', `systemctl enable --now ${unit}`);
  const policy = restart?.policy ?? 'no';
  const start = `podman start ${name}`;
  // Its own unit starts those with this policy, and no others.
  if (policy !== 'always') return somebody(start, `its restart policy is ${policy}, and no unit runs it`);
  return byUnit('podman-restart.service', enabled, 'restart policy always', start);
}

function byUnit(unit: string, enabled: ReadonlySet<string> | undefined, why: string, otherwise: string): BringBack {
  if (enabled === undefined) return somebody(otherwise, `nobody could tell whether ${unit} is enabled`);
  if (!enabled.has(unit)) return somebody(otherwise, `${unit} is not enabled`);
  return { by: 'itself', how: `${unit} (${why})` };
}

function somebody(command: string, why: string): BringBack {
  return { by: 'somebody', how: `${command} (${why})` };
}

function bundleOf({ storage = [] }: Container): string {
  return storage[0] ?? '?';
}
