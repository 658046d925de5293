/** A container out of its OCI specification, and out of the kernel where it runs. */
import { join, resolve } from 'node:path/posix';
import { present } from '../../kernel/present.ts';
import type { Live } from '../live/process.ts';
import { type IdMap, type Namespace, namespaceTypes } from '../model/container.ts';
import type { Mount } from '../model/storage.ts';
import type { Process, Security } from '../model/process.ts';
import type { Description, Found } from '../runtime.ts';
import { limitsOf } from './limits.ts';
import type { Spec } from './spec.ts';

/** @param live absent where it does not run */
export function describe(found: Found, spec: Spec, live: Live | undefined): Description {
  const { linux, root } = spec;
  const resources = linux?.resources;
  const definedLimits = resources === undefined || resources === null ? undefined : limitsOf(resources);
  const rootPath = root?.path === undefined ? undefined : resolve(found.bundle ?? '/', root.path);
  const policy = linux?.memoryPolicy;
  return {
    id: found.id,
    name: found.name,
    state: found.state,
    mounts: (spec.mounts ?? []).map(mountOf),
    namespaces: mergeNamespaces(namespacesOf(spec), live?.namespaces),
    networks: networksOf(spec, live?.namespaces),
    ports: [],
    labels: {},
    annotations: spec.annotations ?? {},
    definedBy: found.bundle === undefined ? [] : [{ kind: 'bundle', paths: [join(found.bundle, 'config.json')] }],
    process: processOf(spec),
    security: { ...securityOf(spec), ...present({ seccomp: seccompOf(spec) ?? live?.security.seccomp }) },
    ...present({
      storage: found.bundle === undefined ? undefined : [found.bundle],
      owner: found.owner === undefined || found.owner === 'root' ? undefined : found.owner,
      pid: found.pid,
      createdAt: found.createdAt,
      startedAt: live?.startedAt,
      cgroup: live?.cgroup ?? (linux?.cgroupsPath || undefined),
      rootfs:
        rootPath === undefined
          ? undefined
          : { path: rootPath, ...present({ readOnly: root?.readonly === true ? true : undefined }) },
      userIds: live?.userIds ?? idMapOf(linux?.uidMappings),
      groupIds: live?.groupIds ?? idMapOf(linux?.gidMappings),
      definedLimits,
      limits: live?.limits,
      numa:
        live?.numa === undefined && !policy
          ? undefined
          : { ...live?.numa, ...(policy ? { policy: `${policy.mode} ${policy.nodes ?? ''}`.trim() } : {}) },
    }),
  };
}

const systemTypes = new Set(['proc', 'sysfs', 'devpts', 'mqueue', 'cgroup', 'cgroup2', 'devtmpfs']);

function mountOf({ destination, type, source, options }: NonNullable<Spec['mounts']>[number]): Mount {
  const all = options ?? [];
  const bind = type === 'bind' || all.includes('bind') || all.includes('rbind');
  const standard = systemTypes.has(type ?? '') || /^\/dev(?:\/|$)|^\/sys(?:\/|$)/.test(destination);
  return {
    kind: bind ? 'bind' : standard || type !== 'tmpfs' ? 'system' : 'tmpfs',
    destination,
    ...present({
      source: bind ? (source ?? undefined) : undefined,
      readOnly: all.includes('ro') ? true : undefined,
      options: all.length === 0 ? undefined : all,
      propagation: all.find((option) => /^r?(?:private|shared|slave|unbindable)$/.test(option)),
    }),
  };
}

/** As the specification names them. */
const longNames: Readonly<Record<string, Namespace['type']>> = { network: 'net', mount: 'mnt' };

/** None where nothing is known, as of a container that was never started. */
function namespacesOf({ linux }: Spec): Namespace[] {
  if (!linux) return [];
  const wanted = new Map(
    (linux?.namespaces ?? []).map(({ type, path }) => [longNames[type] ?? type, path || undefined] as const),
  );
  return namespaceTypes.map((type): Namespace => {
    if (!wanted.has(type)) return { type, from: 'host' };
    const path = wanted.get(type);
    return path === undefined ? { type, from: 'own' } : { type, from: 'joined', path };
  });
}

/** What the kernel says counts, except that it cannot tell whose another namespace is. */
function mergeNamespaces(defined: readonly Namespace[], live: readonly Namespace[] | undefined): Namespace[] {
  if (defined.length === 0) return [...(live ?? [])];
  return defined.map((item) => {
    const seen = live?.find(({ type }) => type === item.type);
    return seen === undefined || (item.from === 'joined' && seen.from === 'own') ? item : seen;
  });
}

function networksOf(spec: Spec, live: readonly Namespace[] | undefined): Description['networks'] {
  const net = mergeNamespaces(namespacesOf(spec), live).find(({ type }) => type === 'net');
  if (net === undefined) return [];
  if (net.from === 'host') return [{ kind: 'host' }];
  // A namespace of its own that nobody put a link into; what is in one that was made for it, its maker knows.
  return net.from === 'joined' ? [{ kind: 'other', ...present({ with: net.path }) }] : [{ kind: 'none' }];
}

function idMapOf(mappings: NonNullable<Spec['linux']>['uidMappings']): IdMap[] | undefined {
  const found = (mappings ?? []).map(({ containerID, hostID, size }) => ({
    inside: containerID,
    outside: hostID,
    size,
  }));
  return found.length === 0 ? undefined : found;
}

/** The largest number that a bound can have stands for none. */
const noBound = 2 ** 62;

function processOf({ process, hostname }: Spec): Process {
  const { args, env, cwd, user, terminal, rlimits, oomScoreAdj } = process ?? {};
  const bound = (value: number): number | undefined => (value > noBound ? undefined : value);
  return present({
    args: args ?? undefined,
    env: env ?? undefined,
    cwd: cwd ?? undefined,
    uid: user?.uid ?? undefined,
    gid: user?.gid ?? undefined,
    groups: user?.additionalGids ?? undefined,
    terminal: terminal === true ? true : undefined,
    hostname: hostname || undefined,
    oomScoreAdj: oomScoreAdj ?? undefined,
    rlimits: rlimits?.map(({ type, soft, hard }) => ({
      name: type.replace(/^RLIMIT_/, '').toLowerCase(),
      ...present({ soft: bound(soft), hard: bound(hard) }),
    })),
  });
}

function seccompOf({ linux }: Spec): Security['seccomp'] | undefined {
  const seccomp = linux?.seccomp;
  if (!seccomp) return undefined;
  const named = new Set((seccomp.syscalls ?? []).flatMap(({ names }) => names)).size;
  return { named, ...present({ defaultAction: seccomp.defaultAction ?? undefined }) };
}

function securityOf({ process, linux }: Spec): Security {
  const sets = process?.capabilities;
  const selinux = present({
    process: process?.selinuxLabel || undefined,
    mount: linux?.mountLabel || undefined,
  });
  return present({
    capabilities: sets
      ? present({
          bounding: sets.bounding ?? undefined,
          effective: sets.effective ?? undefined,
          permitted: sets.permitted ?? undefined,
          inheritable: sets.inheritable ?? undefined,
          ambient: sets.ambient ?? undefined,
        })
      : undefined,
    apparmor: process?.apparmorProfile || undefined,
    selinux: Object.keys(selinux).length === 0 ? undefined : selinux,
    noNewPrivileges: process?.noNewPrivileges === true ? true : undefined,
  });
}
