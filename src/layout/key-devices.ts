/** Devices whose bytes are a key of something on this host: nothing of them may be read. */
import type { Asker } from '../host/asker.ts';
import type { Probes } from './probes.ts';
import { deviceOnHost } from './spec.ts';
import { type Component, handlerOf } from './types.ts';

/** Their numbers, as crypttab and the settings of components name them. */
export async function keyDevices(
  components: readonly Component[],
  probes: Probes,
  asker: Asker,
): Promise<ReadonlySet<string>> {
  const named = [...probes.crypttab.map(({ key }) => key), ...components.map((one) => handlerOf(one).keyOf?.(one))];
  const paths = new Set(named.flatMap((name) => name?.replace(/^file:\/\//, '') ?? []));
  const found = [...paths].map(async (path) => {
    const known = probes.deviceOfSpec(path);
    if (known !== undefined || !path.startsWith('/dev/disk/')) return known;
    return await deviceOnHost(path, probes.devices, asker, path);
  });
  return new Set((await Promise.all(found)).flatMap((device) => device?.number ?? []));
}
