/** Podman, by its command line; it has no daemon to wake. */
import type { Asker } from '../../host/asker.ts';
import type { Argv } from '../../host/host.ts';
import { inParallel } from '../../kernel/parallel.ts';
import { present } from '../../kernel/present.ts';
import { captureLive } from '../live/process.ts';
import { parseSpec } from '../oci/runtime.ts';
import type { Found, Runtime } from '../runtime.ts';
import { podmanChanges } from './changes.ts';
import { quadletPlaces } from './definition.ts';
import { type Around, describePodman, podmanState } from './describe.ts';
import { podsOf } from './pods.ts';
import { storedImages } from './storage.ts';
import { podmanLifecycle } from './lifecycle.ts';
import { inspectSchema, type KnownNetwork, listSchema, networksSchema } from './schema.ts';

export const podman: Runtime = {
  name: 'podman',
  lifecycle: podmanLifecycle,
  // Only where it has been used: its first call makes the directories of its storage.
  traces: { below: ['/var/lib/containers/storage'], files: ['containers.json', 'volatile-containers.json', 'db.sql'] },
  images: storedImages,
  changes: podmanChanges,
  list: async (asker) => (await askPodman(asker, ['ps', '--all', '--no-trunc', '--format', 'json'], parseList)) ?? [],
  async inspect(asker, found) {
    if (found.length === 0) return [];
    const [all, networks, quadlets] = await Promise.all([
      askPodman(
        asker,
        ['inspect', '--type', 'container', '--format', 'json', '--', ...found.map(({ id }) => id)],
        (text) => inspectSchema.parse(JSON.parse(text)),
      ),
      askPodman(asker, ['network', 'ls', '--format', 'json'], parseNetworks),
      findQuadlets(asker),
    ]);
    const pods = await podsOf(asker, all ?? []);
    const around: Around = { networks: networks ?? [], quadlets, pods };
    return await inParallel(all ?? [], 4, async (one) => {
      const pid = one.State.Pid ?? 0;
      const started = one.State.StartedAt !== undefined && !one.State.StartedAt?.startsWith('0001-');
      const [spec, live] = await Promise.all([
        one.OCIConfigPath && started ? asker.file(one.OCIConfigPath, parseSpec, { mayBeAbsent: true }) : undefined,
        pid > 0 ? captureLive(asker, pid) : undefined,
      ]);
      return describePodman(one, spec ?? {}, live, around);
    });
  },
};

/** @throws Error for what is no list of podman */
export function parseList(stdout: string): Found[] {
  return (listSchema.parse(JSON.parse(stdout)) ?? []).map(({ Id, Names, State, Pid, Created }) => ({
    id: Id,
    name: Names?.[0] ?? Id,
    state: podmanState(State),
    ...present({
      pid: Pid ? Pid : undefined,
      createdAt: Created ? new Date(Created * 1000).toISOString() : undefined,
    }),
  }));
}

function parseNetworks(stdout: string): readonly KnownNetwork[] {
  return networksSchema.parse(JSON.parse(stdout)) ?? [];
}

function askPodman<T>(asker: Asker, args: readonly string[], parse: (stdout: string) => T): Promise<T | undefined> {
  const argv: Argv = ['podman', ...args];
  // It takes its time while another one holds the lock of the storage.
  return asker.ask({ argv, parse, subject: `podman ${args[0]}`, timeoutMs: 30_000 });
}

/** Files that units of systemd are made of; none where no such directory is. */
async function findQuadlets(asker: Asker): Promise<readonly string[]> {
  const kinds = ['(', '-name', '*.container', '-o', '-name', '*.pod', '-o', '-name', '*.kube', ')'];
  const found = await asker.ask({
    argv: ['find', ...quadletPlaces, '-maxdepth', '3', ...kinds, '-print0'],
    okCodes: [0, 1],
    parse: (stdout) => stdout.split('\0').filter((path) => path !== ''),
    subject: 'quadlets',
  });
  return found ?? [];
}
