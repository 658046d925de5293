/** The restored system as the subjects see it. */
import { chrootHost } from '../host/chroot.ts';
import type { Argv, Host, RunResult } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { nameFromBytes } from '../kernel/text.ts';
import type { Deed, Finding, Scene } from './scene.ts';

export interface Site {
  readonly scene: Scene;
  /** The rescue system. */
  readonly host: Host;
  /** The restored one. */
  readonly inside: Host;
  /** Of the subjects before this one. */
  readonly earlier: readonly Deed[];
  /** What cannot be done, and does not keep the machine from starting. */
  readonly finding: (finding: Finding) => void;
}

/** What has to be done about one thing: boot sectors, fstab. It reads only. */
export interface Subject {
  readonly name: string;
  /** @throws LifeboatError where the machine cannot be made to start */
  plan(site: Site, signal: AbortSignal): Promise<readonly Deed[]>;
}

export function siteOf(scene: Scene, host: Host, findings: Finding[]): Omit<Site, 'earlier'> {
  return { scene, host, inside: chrootHost(host, scene.root), finding: (one) => void findings.push(one) };
}

/** The content of a file of the restored system, its bytes as `nameFromBytes` has them; `undefined` where there is none. */
export async function readInside({ inside }: Site, path: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return nameFromBytes(await inside.read(path, {}, signal));
  } catch (error) {
    if (error instanceof LifeboatError && error.code === 'not-found') return undefined;
    throw error;
  }
}

/** Those of these paths that are there in the restored system, links followed. */
export async function thereOf(
  { inside }: Site,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const [first, ...rest] = paths;
  if (first === undefined) return new Set();
  const { stdout } = await inside.run(
    ['find', '-L', first, ...rest, '-maxdepth', '0', '-print0'],
    { okCodes: [0, 1] },
    signal,
  );
  return new Set(nameFromBytes(stdout).split('\0').slice(0, -1));
}

/** Regular files at these places and in these directories, sorted. */
export async function filesBelow({ inside }: Site, places: readonly string[], signal: AbortSignal): Promise<string[]> {
  const [first, ...rest] = places;
  if (first === undefined) return [];
  const find = ['find', '-H', first, ...rest, '-maxdepth', '1', '-type', 'f', '-print0'] as const;
  const { stdout } = await inside.run(find, { okCodes: [0, 1] }, signal);
  return nameFromBytes(stdout).split('\0').slice(0, -1).toSorted();
}

/** Files of an EFI system partition, from its top. */
export async function programsOn({ inside }: Site, path: string, signal: AbortSignal): Promise<string[]> {
  const find = ['find', path, '-xdev', '-maxdepth', '5', '-type', 'f', '-print0'] as const;
  const { stdout } = await inside.run(find, { okCodes: [0, 1] }, signal);
  const files = nameFromBytes(stdout).split('\0').slice(0, -1);
  return files.map((file) => file.slice(path.length));
}

/** The first of these programs that the restored system has. */
export async function programInside(
  site: Site,
  names: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const places = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'];
  const paths = names.flatMap((name) => (name.startsWith('/') ? [name] : places.map((place) => `${place}/${name}`)));
  const there = await thereOf(site, paths, signal);
  return paths.find((path) => there.has(path));
}

/** What a program of the restored system prints; `undefined` where there is no such program or it fails. */
export async function askInside({ inside }: Site, argv: Argv, signal: AbortSignal): Promise<RunResult | undefined> {
  try {
    return await inside.run(argv, { timeoutMs: 120_000 }, signal);
  } catch (error) {
    if (error instanceof LifeboatError && ['tool-missing', 'command-failed'].includes(error.code)) return undefined;
    throw error;
  }
}
