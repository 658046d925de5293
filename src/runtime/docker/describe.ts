/** A container of docker: what its API says, in the words in which podman says it. */
import { present } from '../../kernel/present.ts';
import type { Live } from '../live/process.ts';
import type { State } from '../model/container.ts';
import { limitsOf } from '../oci/limits.ts';
import type { Spec } from '../oci/spec.ts';
import { describePodman, podmanState } from '../podman/describe.ts';
import type { KnownNetwork } from '../podman/schema.ts';
import type { Description } from '../runtime.ts';
import type { Inspected, Network } from './schema.ts';

/** @param spec empty for a container that does not run: docker makes it anew at each start */
export function describeDocker(
  inspected: Inspected,
  spec: Spec,
  live: Live | undefined,
  networks: readonly Network[],
): Description {
  const { Config, Image, Name, HostnamePath, GraphDriver } = inspected;
  const plain = {
    ...inspected,
    Name: Name.replace(/^\//, ''),
    Image: Image?.replace(/^sha256:/, ''),
    ImageName: Config.Image,
    GraphDriver: GraphDriver && { ...GraphDriver, Data: withoutInit(GraphDriver.Data ?? {}) },
  };
  const base = describePodman(plain, spec, live, {
    networks: networks.map(networkOf),
    quadlets: [],
    pods: new Map(),
  });
  const root = /^(\/.+)\/containers\/[^/]+\/hostname$/.exec(HostnamePath ?? '')?.[1];
  return {
    ...base,
    state: dockerState(inspected.State.Status),
    ...present({
      storage: root === undefined ? undefined : [root],
      definedLimits: base.definedLimits ?? definedLimits(inspected.HostConfig),
    }),
  };
}

/** `restarting` waits for its next attempt; of `removing` nobody knows what is left. */
export function dockerState(status: string): State {
  if (status === 'dead' || status === 'restarting') return 'exited';
  return podmanState(status);
}

/** Docker puts a layer of its own between the image and what the container has changed. */
function withoutInit(data: Readonly<Record<string, string>>): Record<string, string> {
  const lower = (data['LowerDir'] ?? '').split(':').filter((path) => path !== '' && !path.endsWith('-init/diff'));
  return { ...data, ...(lower.length === 0 ? {} : { LowerDir: lower.join(':') }) };
}

function networkOf({ Id, Name, Driver, Internal, Options }: Network): KnownNetwork {
  const bridge = Options?.['com.docker.network.bridge.name'] ?? `br-${Id.slice(0, 12)}`;
  return {
    name: Name,
    driver: Driver,
    internal: Internal,
    options: Options,
    network_interface: Driver === 'bridge' ? bridge : Options?.['parent'],
  };
}

const periodUs = 100_000;
const nanosPerCpu = 1_000_000_000;

function definedLimits(config: Inspected['HostConfig']): Description['definedLimits'] {
  const { NanoCpus, CpuQuota, CpuPeriod } = config;
  return limitsOf({
    cpu: {
      shares: config.CpuShares,
      quota: NanoCpus ? Math.round((NanoCpus / nanosPerCpu) * periodUs) : CpuQuota,
      period: NanoCpus ? periodUs : CpuPeriod,
      cpus: config.CpusetCpus,
      mems: config.CpusetMems,
    },
    memory: {
      limit: config.Memory,
      reservation: config.MemoryReservation,
      swap: config.MemorySwap,
      disableOOMKiller: config.OomKillDisable,
    },
    pids: { limit: config.PidsLimit ?? 0 },
    blockIO: { weight: config.BlkioWeight },
  });
}
