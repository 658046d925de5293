/** Services that are started at boot, and what failed. Only states are asked of the manager, where it runs. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import { type Places, places } from './places.ts';
import { found } from './reading.ts';
import type { UnitFile } from './units.ts';

export const servicesSchema = z.object({
  init: z.enum(['systemd', 'openrc', 'sysv', 'unknown']),
  enabled: z.array(
    z.object({
      /** With its suffix, as `ssh.service`; of OpenRC and SysV the name of the script. */
      name: z.string(),
      /** When the capture was made; absent where nobody was asked. */
      active: z.string().exactOptional(),
    }),
  ),
  /** Units that failed when the capture was made; absent where nobody was asked. */
  failed: z.array(z.string()).exactOptional(),
});

export type Services = z.infer<typeof servicesSchema>;

/** Of `list-units --plain --no-legend`: unit → its active state. */
export function parseUnits(stdout: string): Map<string, string> {
  const states = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    if (line.trim() === '') continue;
    // Versions before 246 mark failed ones with a dot even so.
    const [, name, active] = /^[\s●*]*(\S+\.[a-z]+)\s+[a-z-]+\s+([a-z-]+)\s+\S+/.exec(line) ?? [];
    if (name === undefined || active === undefined) throw new Error('not a list of units');
    states.set(name, active);
  }
  return states;
}

const list = ['--no-legend', '--no-pager', '--plain', '--full'] as const;

/** States in the boot that is running, where systemd runs. */
export async function captureUnitStates(asker: Asker, there: Places): Promise<Map<string, string> | undefined> {
  if (!there.has('systemdRuns')) return undefined;
  return await asker.ask({
    argv: ['systemctl', 'list-units', '--all', ...list],
    parse(stdout) {
      const states = parseUnits(stdout);
      // Where systemd runs, at least its own slices are loaded.
      if (states.size === 0) throw new Error('no unit in it');
      return states;
    },
    subject: 'states of services',
  });
}

/** Timers are told apart, and a template by itself runs nothing. */
export function enabledUnits(files: readonly UnitFile[]): string[] {
  const names = files.filter(({ name, state }) => {
    return state === 'enabled' && !name.endsWith('.timer') && !name.includes('@.');
  });
  return [...new Set(names.map(({ name }) => name))].sort();
}

export async function captureServices(
  asker: Asker,
  there: Places,
  files: readonly UnitFile[] | undefined,
): Promise<Services | undefined> {
  if (there.has('systemd')) {
    const states = await captureUnitStates(asker, there);
    if (files === undefined) return undefined;
    const scripts = await captureOldScripts(asker, there, files);
    const failed = states && [...states].flatMap(([name, active]) => (active === 'failed' ? [name] : [])).sort();
    return {
      init: 'systemd',
      enabled: [...enabledUnits(files), ...scripts].sort().map((name) => {
        const active = states?.get(name);
        return { name, ...(active === undefined ? {} : { active }) };
      }),
      ...(failed === undefined ? {} : { failed }),
    };
  }
  if (there.has('openrc')) return await captureScripts(asker, 'openrc', [places.openrc], 'empty');
  if (there.has('sysv')) return await captureScripts(asker, 'sysv', [places.sysv, '/etc/rc3.d', '/etc/rcS.d'], 'empty');
  if (there.unknown === true) return undefined;
  asker.gap({ subject: 'services', problem: 'no systemd, OpenRC or SysV init is here' });
  return undefined;
}

/** Scripts of SysV that no unit stands in for: a generator of systemd starts them all the same. */
async function captureOldScripts(asker: Asker, there: Places, files: readonly UnitFile[]): Promise<string[]> {
  if (!there.has('sysv')) return [];
  // None at all is usual here: each has a unit by now.
  const old = await captureScripts(asker, 'sysv', [places.sysv, '/etc/rc3.d']);
  const units = new Set(files.map(({ name }) => name));
  const names = old?.enabled.map(({ name }) => `${name.replace(/\.sh$/, '')}.service`) ?? [];
  return names.filter((name) => !units.has(name));
}

/** OpenRC links `runlevel/name`, SysV `rc2.d/S01name`. */
export function parseScripts(paths: readonly string[], init: 'openrc' | 'sysv'): string[] {
  const pattern = init === 'openrc' ? /\/([^/]+)$/ : /\/S\d\d([^/]+)$/;
  return [...new Set(paths.flatMap((path) => pattern.exec(path)?.[1] ?? []))].sort();
}

async function captureScripts(
  asker: Asker,
  init: 'openrc' | 'sysv',
  directories: readonly string[],
  never?: 'empty',
): Promise<Services | undefined> {
  const depth = init === 'openrc' ? '2' : '1';
  const tests = ['-mindepth', depth, '-maxdepth', depth, '-print0'];
  const links = await found(asker, 'services', [...directories, ...tests], never);
  return links && { init, enabled: parseScripts(links.records, init).map((name) => ({ name })) };
}
