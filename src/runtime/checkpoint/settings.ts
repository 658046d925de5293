/** What CRIU is told by a file of its own settings, as runtimes have options for the least of it. */
import { join } from 'node:path/posix';
import type { Host } from '../../host/host.ts';
import type { Tcp } from '../lifecycle.ts';

/** Runtimes hand it on by the environment. @returns what to add to that */
export async function criuSettings(
  host: Host,
  work: string,
  settings: readonly string[],
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const file = join(work, 'criu.conf');
  await host.write(file, Buffer.from(settings.map((line) => `${line}\n`).join('')), {}, signal);
  return { CRIU_CONFIG_FILE: file };
}

/** The network is locked by nftables then, of which nothing stays in the tables of others. */
export function ofConnections(tcp: Tcp | undefined): readonly string[] {
  return ['network-lock nftables', ...(tcp === 'close' ? ['tcp-close'] : [])];
}

/** In a file of CRIU's, where blanks part words. */
const isSayable = (path: string): boolean => /^[\w/.+@:,=~-]+$/.test(path);

/** @param watched by inotify. @returns the names that keep a container from being dumped, in words */
export function unsayable(watched: readonly string[]): readonly string[] {
  const odd = watched.filter((path) => !isSayable(path));
  return odd.length === 0
    ? []
    : [`a process watches ${odd.join(', ')} (inotify), a name that CRIU's configuration cannot hold`];
}

/** Settings by which CRIU finds what is watched by inotify on an overlay. */
export function searching(watched: readonly string[]): readonly string[] {
  return watched.length === 0 ? [] : ['force-irmap', ...watched.map((path) => `irmap-scan-path ${path}`)];
}

/** @returns why a runtime that tells CRIU nothing cannot dump what is watched on an overlay, in words */
export function untoldWatches(runtime: string, watched: readonly string[]): readonly string[] {
  return watched.map(
    (path) =>
      `a process watches ${path} (inotify), which CRIU finds on an overlay only where it is told, and ${runtime} does not tell it`,
  );
}
