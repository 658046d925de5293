import { containerd } from './containerd/containerd.ts';
import { crun } from './crun/crun.ts';
import { docker } from './docker/docker.ts';
import { lxc } from './lxc/lxc.ts';
import type { RuntimeName } from './model/container.ts';
import { podman } from './podman/podman.ts';
import { bareProcess } from './process/process.ts';
import { runc } from './runc/runc.ts';
import type { Runtime } from './runtime.ts';

/** The one list of runtimes. Of two that know the same container, the earlier knows more of it. */
export const runtimes: { readonly [N in RuntimeName]: Runtime } = {
  podman,
  docker,
  containerd,
  lxc,
  crun,
  runc,
  process: bareProcess,
};
