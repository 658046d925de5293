/** Which configuration systems are in charge: by the services that run or start, and where systemd does not run, by files. */
import type { Asker } from '../host/asker.ts';
import type { Argv } from '../host/host.ts';
import { subjects } from './subjects.ts';
import type { System } from './types.ts';

const units = [
  'NetworkManager.service',
  'systemd-networkd.service',
  'networking.service',
  'network.service',
  'wicked.service',
  'dhcpcd.service',
  'connman.service',
  'nftables.service',
  'firewalld.service',
  'ufw.service',
  'netfilter-persistent.service',
] as const;
type Unit = (typeof units)[number];

export const unitsArgv: Argv = ['systemctl', 'show', '--property=Id,ActiveState,UnitFileState', ...units];

/** `active`, `enabled` or both, by unit; units that are neither are left out. */
export type Units = ReadonlyMap<string, string>;

/** Blocks of `Name=value`. `undefined` where systemd does not run, as in a container or a chroot. @throws Error */
export function parseUnits(stdout: string, stderr: string): Units | undefined {
  if (/not been booted with systemd|Failed to connect to bus|Running in chroot|Host is down/.test(stderr))
    return undefined;
  const found = new Map<string, string>();
  for (const block of stdout.split(/\n\n+/)) {
    const values = new Map(
      block.split('\n').flatMap((line): [string, string][] => {
        const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
        return name === undefined || value === undefined ? [] : [[name, value]];
      }),
    );
    const id = values.get('Id');
    if (id === undefined) continue;
    const states = [
      ...(values.get('ActiveState') === 'active' ? ['active'] : []),
      ...(values.get('UnitFileState')?.startsWith('enabled') === true ? ['enabled'] : []),
    ];
    if (states.length > 0) found.set(id, states.join(' and '));
  }
  if (!stdout.includes('Id=')) throw new Error('no unit');
  return found;
}

/** `undefined` without a gap where there is no systemd. */
export async function captureUnits(asker: Asker, quiet: Asker): Promise<Units | undefined> {
  const runs = await quiet.ask({ argv: ['test', '-d', '/run/systemd/system'], parse: () => true });
  if (runs !== true) return undefined;
  return await asker.ask({ argv: unitsArgv, parse: parseUnits, okCodes: [0, 1], subject: subjects.units });
}

interface Files {
  readonly contents: ReadonlyMap<string, string>;
  readonly denied: readonly string[];
}

/** In an order that does not change. Where the state of services is not known, files alone decide. */
export function systemsOf({ contents, denied }: Files, running: Units | undefined): System[] {
  const paths = [...contents.keys(), ...denied];
  const below = (place: string, pattern = /./) =>
    paths.filter((path) => path.startsWith(`${place}/`) && pattern.test(path));
  const by = (unit: Unit) => {
    const state = running?.get(unit);
    return state === undefined ? undefined : `${unit} is ${state}`;
  };
  const files = (found: readonly string[], what: string) =>
    found.length === 0 ? undefined : `${found.length} ${what}${found.length === 1 ? '' : 's'}`;
  const systems: System[] = [];
  const add = (name: string, reason: string | undefined, renders: readonly string[] = []) => {
    if (reason !== undefined)
      systems.push({ name, reason, ...(renders.length === 0 ? {} : { renders: [...renders] }) });
  };

  const yaml = below('/etc/netplan', /\.yaml$/);
  const renderers = yaml.flatMap((path) =>
    [...(contents.get(path) ?? '').matchAll(/^[^#\n]*\brenderer:\s*["']?(\w+)/gm)].map(([, name]) =>
      name === 'NetworkManager' ? 'NetworkManager' : 'systemd-networkd',
    ),
  );
  add(
    'netplan',
    files(yaml, 'file'),
    yaml.length === 0 ? [] : renderers.length === 0 ? ['systemd-networkd'] : [...new Set(renderers)].toSorted(),
  );

  const keyfiles = files(below('/etc/NetworkManager/system-connections'), 'connection');
  const networkd = files(below('/etc/systemd/network', /\.network$/), 'network file');
  const interfaces = interfacesReason(contents);
  const ifcfg = files(below('/etc/sysconfig/network-scripts', /\/ifcfg-(?!lo$)/), 'file');
  const suse = files(below('/etc/sysconfig/network', /\/ifcfg-(?!lo$)/), 'file');
  if (running === undefined) {
    add('NetworkManager', keyfiles);
    add('systemd-networkd', networkd);
    add('ifupdown', interfaces);
    add('ifcfg', ifcfg);
    add('wicked', suse);
    return systems;
  }
  add('NetworkManager', by('NetworkManager.service'));
  add('systemd-networkd', by('systemd-networkd.service'));
  // Debian enables its service also where the file has nothing but the loopback link.
  add('ifupdown', interfaces === undefined ? undefined : by('networking.service'));
  const reader = by('NetworkManager.service') === undefined ? by('network.service') : 'NetworkManager reads them';
  add('ifcfg', ifcfg === undefined ? undefined : `${ifcfg}; ${reader ?? 'no service that reads them is known'}`);
  add('wicked', by('wicked.service'));
  for (const name of ['dhcpcd', 'connman', 'nftables', 'firewalld', 'ufw', 'netfilter-persistent'] as const) {
    add(name, by(`${name}.service`));
  }
  return systems;
}

/** Which links the files of ifupdown configure, besides the loopback link. */
function interfacesReason(contents: ReadonlyMap<string, string>): string | undefined {
  const names = [...contents].flatMap(([path, content]) =>
    path === '/etc/network/interfaces' || path.startsWith('/etc/network/interfaces.d/')
      ? [...content.matchAll(/^\s*iface\s+(\S+)/gm)].flatMap(([, name]) =>
          name === undefined || name === 'lo' ? [] : [name],
        )
      : [],
  );
  return names.length === 0 ? undefined : `its files configure ${[...new Set(names)].join(', ')}`;
}
