/** What a restore makes in podman: a container and its volumes. */
import { z } from 'zod';
import { anyCode } from '../../host/any-code.ts';
import type { Host } from '../../host/host.ts';
import { removeEmptyCgroups } from '../checkpoint/residues.ts';
import type { Wanted } from '../lifecycle.ts';

const questionMs = 30_000;

/** Why a container that only holds a pod together is neither dumped nor copied. */
export const infraObstacle = 'it only holds the namespaces of a pod, of which podman makes a new one';

export function volumesIn({ members }: Wanted): readonly string[] {
  return members.flatMap(({ path }) => /^volumes\/(.+)\.tar$/.exec(path)?.[1] ?? []);
}

/** Those that a restore makes. */
export async function newVolumes(host: Host, wanted: Wanted, signal: AbortSignal): Promise<string[]> {
  const there = new Set(await volumes(host, signal));
  return volumesIn(wanted).filter((volume) => !there.has(volume));
}

export async function volumes(host: Host, signal: AbortSignal): Promise<readonly string[]> {
  const argv = ['podman', 'volume', 'ls', '--quiet'] as const;
  const { stdout } = await host.run(argv, { timeoutMs: questionMs }, signal);
  return stdout
    .toString()
    .split('\n')
    .filter((name) => name !== '');
}

export async function idOf(host: Host, name: string, signal: AbortSignal): Promise<string> {
  const argv = ['podman', 'container', 'inspect', '--format', 'json', name] as const;
  const { stdout } = await host.run(argv, { timeoutMs: questionMs }, signal);
  return (
    z
      .array(z.object({ Id: z.string() }))
      .min(1)
      .parse(JSON.parse(stdout.toString()))[0]?.Id ?? name
  );
}

/**
 * What a restore had made.
 *
 * @param made volumes that were not here before
 * @param more `--volumes` where those without a name of their own are none of before
 */
export async function remove(
  host: Host,
  name: string,
  made: readonly string[],
  more: readonly '--volumes'[] = [],
): Promise<readonly string[]> {
  const { signal } = new AbortController();
  const options = { okCodes: anyCode, timeoutMs: questionMs };
  const left: string[] = [];
  const there = await host.run(['podman', 'container', 'exists', name], options, signal);
  if (there.code === 0) {
    const id = await idOf(host, name, signal);
    await host.run(['podman', 'rm', '--force', '--time', '0', ...more, id], options, signal);
    left.push(`container ${name}`, ...(await removeEmptyCgroups(host, [`libpod-${id}`, `libpod-conmon-${id}`])));
  }
  const now = new Set(await volumes(host, signal));
  for (const volume of made.filter((one) => now.has(one))) {
    await host.run(['podman', 'volume', 'rm', volume], options, signal);
    left.push(`volume ${volume}`);
  }
  return left;
}
