/** A container of podman: what it was told over what the OCI specification and the kernel say. */
import { present } from '../../kernel/present.ts';
import type { Live } from '../live/process.ts';
import type { State } from '../model/container.ts';
import type { Mount } from '../model/storage.ts';
import { describe } from '../oci/describe.ts';
import type { Spec } from '../oci/spec.ts';
import type { Description } from '../runtime.ts';
import { definitionsOf } from './definition.ts';
import { networksOf, portsOf } from './networks.ts';
import type { Pod } from './pods.ts';
import type { Inspected, KnownNetwork } from './schema.ts';

export interface Around {
  readonly networks: readonly KnownNetwork[];
  readonly quadlets: readonly string[];
  readonly pods: ReadonlyMap<string, Pod>;
}

/** @param spec empty for a container that was never started */
export function describePodman(inspected: Inspected, spec: Spec, live: Live | undefined, around: Around): Description {
  const { Id, Name, State, Config, HostConfig } = inspected;
  const base = describe({ id: Id, name: Name, state: podmanState(State.Status) }, spec, live);
  const labels = Config.Labels ?? {};
  const pid = State.Pid ?? 0;
  return {
    ...base,
    mounts: mountsOf(inspected, base.mounts),
    networks: networksOf(inspected, around.networks),
    ports: portsOf(inspected),
    labels,
    annotations: Config.Annotations ?? base.annotations,
    definedBy: definitionsOf(labels, around.quadlets, Config.CreateCommand ?? []),
    process: {
      ...present({
        env: Config.Env ?? undefined,
        hostname: Config.Hostname || undefined,
      }),
      ...base.process,
      ...present({ user: Config.User || undefined }),
    },
    security: {
      ...base.security,
      ...present({
        privileged: HostConfig.Privileged === true ? true : undefined,
        seccomp: HostConfig.SecurityOpt?.includes('seccomp=unconfined')
          ? { profile: 'unconfined' }
          : base.security?.seccomp,
      }),
    },
    ...present({
      pid: pid > 0 ? pid : undefined,
      createdAt: timeOf(inspected.Created),
      startedAt: timeOf(State.StartedAt),
      exitCode: base.state === 'exited' ? (State.ExitCode ?? undefined) : undefined,
      storage: storageOf(inspected),
      image: imageOf(inspected),
      rootfs: rootfsOf(inspected),
      restart: restartOf(HostConfig.RestartPolicy),
      health: healthOf(inspected),
      pod: podOf(inspected, around.pods),
    }),
  };
}

const states: Readonly<Record<string, State>> = {
  configured: 'created',
  created: 'created',
  initialized: 'created',
  running: 'running',
  stopping: 'running',
  paused: 'paused',
  exited: 'exited',
  stopped: 'exited',
};

export function podmanState(status: string): State {
  return states[status] ?? 'unknown';
}

/** What never was is the year 1. */
export function timeOf(text: string | null | undefined): string | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) || ms <= 0 ? undefined : new Date(ms).toISOString();
}

/** Podman names those that somebody asked for; what it adds itself, such as `resolv.conf`, only the specification has. */
function mountsOf({ Mounts, HostConfig }: Inspected, all: readonly Mount[]): Mount[] {
  const asked = (Mounts ?? []).map(
    ({ Type, Name, Source, Destination, Driver, Options, RW, Propagation }): Mount => ({
      kind: Type === 'volume' || Type === 'bind' || Type === 'tmpfs' ? Type : 'system',
      destination: Destination,
      ...present({
        name: Name || undefined,
        source: Source || undefined,
        readOnly: RW === false ? true : undefined,
        options: Options?.length ? Options : undefined,
        propagation: Propagation || undefined,
        driver: Driver && Driver !== 'local' ? Driver : undefined,
      }),
    }),
  );
  const memory = Object.entries(HostConfig.Tmpfs ?? {}).map(
    ([destination, options]): Mount => ({
      kind: 'tmpfs',
      destination,
      ...present({ options: options === '' ? undefined : options.split(',') }),
    }),
  );
  const named = new Set([...asked, ...memory].map(({ destination }) => destination));
  const added = all
    .filter(({ destination }) => !named.has(destination))
    .map((mount): Mount => ({ ...mount, kind: 'system' }));
  return [...asked, ...memory, ...added];
}

function imageOf({ Image, ImageName, ImageDigest, GraphDriver }: Inspected): Description['image'] | undefined {
  const lower = GraphDriver?.Data?.['LowerDir'];
  const image = present({
    reference: ImageName || undefined,
    id: Image || undefined,
    digest: ImageDigest || undefined,
    layers: Image && lower ? lower.split(':') : undefined,
  });
  return Object.keys(image).length === 0 ? undefined : image;
}

function storageOf({ StaticDir }: Inspected): string[] | undefined {
  const storage = /^(\/.+)\/[^/]+-containers\/[^/]+\/userdata$/.exec(StaticDir ?? '')?.[1];
  return storage === undefined ? undefined : [storage];
}

function rootfsOf({ Rootfs, GraphDriver, HostConfig }: Inspected): NonNullable<Description['rootfs']> {
  const data = GraphDriver?.Data ?? {};
  return present({
    path: Rootfs || data['MergedDir'] || undefined,
    readOnly: HostConfig.ReadonlyRootfs === true ? true : undefined,
    driver: Rootfs ? undefined : (GraphDriver?.Name ?? undefined),
    writable: Rootfs || data['UpperDir'] || undefined,
  });
}

function restartOf(policy: Inspected['HostConfig']['RestartPolicy']): Description['restart'] | undefined {
  const name = policy?.Name || 'no';
  if (name !== 'no' && name !== 'always' && name !== 'on-failure' && name !== 'unless-stopped') return undefined;
  return { policy: name, ...present({ retries: policy?.MaximumRetryCount || undefined }) };
}

const nsPerMs = 1_000_000;

function healthOf({ Config, State }: Inspected): Description['health'] | undefined {
  const check = Config.Healthcheck;
  if (!check?.Test?.length) return undefined;
  const ms = (ns: number | null | undefined): number | undefined => (ns ? Math.round(ns / nsPerMs) : undefined);
  return {
    test: check.Test,
    ...present({
      intervalMs: ms(check.Interval),
      timeoutMs: ms(check.Timeout),
      startPeriodMs: ms(check.StartPeriod),
      retries: check.Retries || undefined,
      status: State.Health?.Status || undefined,
    }),
  };
}

function podOf({ Pod: id, IsInfra }: Inspected, pods: ReadonlyMap<string, Pod>): Description['pod'] | undefined {
  if (!id) return undefined;
  const { Name, SharedNamespaces, CreateCommand } = pods.get(id) ?? {};
  return {
    id,
    ...present({
      name: Name,
      infra: IsInfra === true ? true : undefined,
      shares: SharedNamespaces?.length ? SharedNamespaces.toSorted() : undefined,
      command: CreateCommand?.length ? CreateCommand : undefined,
    }),
  };
}
