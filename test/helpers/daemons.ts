/** Docker and LXC in the root for containers, in words of a shell. */
import type { Argv } from '../../src/host/host.ts';
import { shell, words } from './container-programs.ts';

export const daemonPackages = ['containerd', 'docker-cli', 'docker.io', 'iptables', 'lxc'] as const;

/** Before docker, which takes it for its own, too. */
export const startContainerd = shell(`set -e
mkdir -p /var/lib/containerd; mount -t tmpfs none /var/lib/containerd
containerd >/tmp/containerd.log 2>&1 </dev/null &
for i in $(seq 1 100); do if ctr version >/dev/null 2>&1; then break; fi; sleep 0.2; done
ctr version >/dev/null || { tail -20 /tmp/containerd.log >&2; exit 1; }
`);

/** Without a bridge and rules, as it has no network; its daemon ends with the namespace of processes. */
export const startDocker = shell(`set -e
rmdir /var/run 2>/dev/null || :; ln -s /run /var/run
mkdir -p /var/lib/docker; mount -t tmpfs none /var/lib/docker
PATH=/srv/bin:$PATH dockerd --experimental --iptables=false --ip6tables=false --bridge=none --storage-driver=overlay2 \
  --exec-opt native.cgroupdriver=cgroupfs >/tmp/dockerd.log 2>&1 </dev/null &
for i in $(seq 1 100); do if docker version >/dev/null 2>&1; then break; fi; sleep 0.2; done
docker version >/dev/null || { tail -20 /tmp/dockerd.log >&2; exit 1; }
printf 'FROM scratch\\nCOPY rootfs /\\n' > /ct/Dockerfile
DOCKER_BUILDKIT=0 docker build -q -t base:1 /ct 2>/dev/null
`);

export interface LxcContainer {
  readonly name: string;
  /** @default one that sleeps */
  readonly program?: readonly string[];
  /** More lines of its configuration. */
  readonly more?: readonly string[];
}

/** Its root is `/ct/rootfs`. */
export function defineLxc({ name, program = ['/bin/sleep', '1000'], more = [] }: LxcContainer): Argv {
  const lines = [
    `lxc.uts.name = ${name}`,
    'lxc.rootfs.path = dir:/ct/rootfs',
    'lxc.net.0.type = empty',
    'lxc.net.0.flags = up',
    'lxc.signal.halt = SIGTERM',
    `lxc.init.cmd = ${program.map((word) => (/^[\w/.-]+$/.test(word) ? word : `"${word}"`)).join(' ')}`,
    ...more,
  ];
  return shell(
    `set -e; mkdir -p /srv /var/lib/lxc/${name}; printf '%s\\n' ${words(lines)} > /var/lib/lxc/${name}/config`,
  );
}

export function startLxc(name: string): Argv {
  return shell(`exec lxc-start --name ${name} </dev/null >/dev/null 2>&1`);
}

/** Says 0 where it is not there, too. */
export function removeLxc(name: string): readonly Argv[] {
  return [shell(`lxc-stop --kill --name ${name} 2>/dev/null || :`), ['rm', '-rf', `/var/lib/lxc/${name}`]];
}
