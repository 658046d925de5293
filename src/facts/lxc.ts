/** Containers of LXC, Incus, LXD and systemd-nspawn, out of their directories. */
import type { Asker } from '../host/asker.ts';
import { type Container, dataPaths } from './container.ts';
import { type Places, places } from './places.ts';
import { type CommandLine, optionValues, programOf } from './processes.ts';
import { type Contents, contentsBelow, found, reportDenied } from './reading.ts';

const configFile = /^(\/.+)\/([^/]+)\/config$/;

/** @param running names; `undefined` when that is not known */
export function parseLxc(contents: Contents, running: ReadonlySet<string> | undefined): Container[] {
  return [...contents].flatMap(([path, content]) => {
    const [, directory, name] = configFile.exec(path) ?? [];
    if (directory === undefined || name === undefined) return [];
    const setting = (key: string): string[] =>
      [...content.matchAll(new RegExp(`^\\s*${key}\\s*=\\s*(.+?)\\s*$`, 'gm'))].flatMap(([, value]) => value ?? []);
    // "dir:/path", "overlayfs:/lower:/upper", "/path"
    const roots = setting(String.raw`lxc\.rootfs(?:\.path)?`).flatMap((value) => value.replace(/^\w+:/, '').split(':'));
    const mounts = setting(String.raw`lxc\.mount\.entry`).flatMap((entry) => {
      const [source, , type, options] = entry.split(/\s+/);
      return source !== undefined && (type === 'none' || options?.includes('bind')) ? [source] : [];
    });
    return [
      {
        manager: 'lxc' as const,
        name,
        ...(running === undefined ? {} : { running: running.has(name) }),
        paths: dataPaths([`${directory}/${name}`, ...roots, ...mounts]),
      },
    ];
  });
}

/** `[lxc monitor] /var/lib/lxc web` is one argument. */
export function parseMonitors(lines: readonly CommandLine[]): Set<string> {
  return new Set(lines.flatMap(([title]) => /^\[lxc monitor\] \S+ (\S+)/.exec(title ?? '')?.[1] ?? []));
}

/** Incus and LXD link each of them into their storage; a project other than the default stands before the name. */
export function parseInstances(records: readonly string[]): Container[] {
  return records.flatMap((record) => {
    const [, root, manager, name, target] = /^(\/.*\/(incus|lxd))\/containers\/([^/\n]+)\n(.*)$/.exec(record) ?? [];
    if (root === undefined || name === undefined || (manager !== 'incus' && manager !== 'lxd')) return [];
    return [{ manager, name, paths: dataPaths([target || `${root}/containers/${name}`]) }];
  });
}

export function parseNspawn(paths: readonly string[], running: ReadonlySet<string> | undefined): Container[] {
  return paths.flatMap((path) => {
    const name = /\/([^/.][^/]*?)(?:\.raw)?$/.exec(path)?.[1];
    if (name === undefined) return [];
    return [
      {
        manager: 'nspawn' as const,
        name,
        ...(running === undefined ? {} : { running: running.has(name) }),
        paths: [path],
      },
    ];
  });
}

export function parseMachines(lines: readonly CommandLine[]): Set<string> {
  return new Set(
    lines
      .filter((line) => programOf(line) === 'systemd-nspawn')
      .flatMap((line) => {
        const named = [...optionValues(line, '--machine'), ...optionValues(line, '-M')];
        const directories = [...optionValues(line, '--directory'), ...optionValues(line, '-D')];
        return named.length > 0 ? named : directories.map((path) => path.replace(/^.*\//, ''));
      }),
  );
}

const subject = 'containers';

export async function captureLxc(
  asker: Asker,
  there: Places,
  supervisors: readonly CommandLine[] | undefined,
): Promise<Container[]> {
  if (!there.has('lxc')) return [];
  const contents = await contentsBelow(asker, {
    subject,
    find: [places.lxc, '-mindepth', '2', '-maxdepth', '2', '-name', 'config'],
    pattern: '^[[:space:]]*lxc\\.',
    end: /\/config:/,
  });
  return parseLxc(contents, supervisors && parseMonitors(supervisors));
}

/** Containers of Incus and LXD; their machines are told with the guests. */
export async function captureInstances(asker: Asker, there: Places): Promise<Container[]> {
  const links = await instanceLinks(asker, there, 'containers', subject);
  return parseInstances(links);
}

/** `path LF target` of each entry below `containers` or `virtual-machines`. */
export async function instanceLinks(asker: Asker, there: Places, kind: string, what: string): Promise<string[]> {
  const roots = (['incus', 'lxd', 'lxdSnap'] as const).filter((place) => there.has(place));
  if (roots.length === 0) return [];
  const directories = roots.map((place) => `${places[place]}/${kind}`);
  const tests = ['-mindepth', '1', '-maxdepth', '1', '-printf', String.raw`%p\n%l\0`];
  const links = await found(asker, what, [...directories, ...tests]);
  reportDenied(asker, what, links?.denied ?? []);
  return links?.records ?? [];
}

export async function captureNspawn(
  asker: Asker,
  there: Places,
  supervisors: readonly CommandLine[] | undefined,
): Promise<Container[]> {
  if (!there.has('nspawn')) return [];
  const entries = ['-mindepth', '1', '-maxdepth', '1', '(', '-type', 'd', '-o', '-name', '*.raw', ')', '-print0'];
  const machines = await found(asker, subject, [places.nspawn, ...entries]);
  reportDenied(asker, subject, machines?.denied ?? []);
  return parseNspawn(machines?.records ?? [], supervisors && parseMachines(supervisors));
}
