/** What the systems' own tools make of files that were rewritten: the same as of the old ones, but for the cards. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Identities } from '../../src/network/rebuild/written/identities.ts';
import { rewritten } from '../../src/network/rebuild/written/rewrite.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { unpackedPackages } from '../lab/packages.ts';

const identities: Identities = {
  macs: new Map([
    ['52:54:00:00:00:03', '52:54:00:aa:00:03'],
    ['52:54:00:00:00:04', '52:54:00:aa:00:04'],
  ]),
  paths: new Map(),
  drivers: new Map(),
  names: new Map([
    ['ens3', 'enp1s0'],
    ['ens4', 'ens5'],
    ['ens5', 'ens4'],
  ]),
};

/** What the text is to be then, word by word: no name in it is part of another word. */
const replaced = (text: string): string =>
  text
    .replaceAll(/\b(ens[345])\b/g, (name) => identities.names.get(name) ?? name)
    .replaceAll(/52:54:00:00:00:0[34]/g, (mac) => identities.macs.get(mac) ?? mac);

let tree = '';
let reason: string | undefined;

/** By their own loader and libraries: those of another release do not get on with them. */
function tool(path: string, argv: readonly string[], input = ''): string {
  const libraries = join(tree, 'usr/lib/x86_64-linux-gnu');
  const own = ['--library-path', libraries, join(tree, path), ...argv];
  return execFileSync(join(libraries, 'ld-linux-x86-64.so.2'), own, { encoding: 'utf8', input, stdio: 'pipe' });
}

beforeAll(async () => {
  try {
    tree = await unpackedPackages('bookworm', ['ifupdown', 'netplan.io', 'network-manager']);
  } catch (error) {
    reason = String(error);
    console.log(`tools of the systems: skipped: ${reason}`);
  }
}, 600_000);

describe('read by', () => {
  test('netplan', async (context) => {
    context.skip(reason !== undefined);
    await using directory = await temporaryDirectory();
    const yaml = `network:
  version: 2
  ethernets:
    ens3:
      match: {macaddress: "52:54:00:00:00:03"}
      addresses: [192.0.2.3/24]
      routes: [{to: default, via: 192.0.2.1}]
    ens4: {}
    ens5: {}
  bonds:
    bond0:
      interfaces: [ens4, ens5]
      parameters: {mode: active-backup, primary: ens5}
      addresses: [198.51.100.1/24]
  vlans:
    ens3.100: {id: 100, link: ens3, addresses: [203.0.113.1/24]}
`;
    const generated = (name: string, content: string): Record<string, string> => {
      const root = join(directory.path, name);
      write(join(root, 'etc/netplan/50-own.yaml'), content);
      tool('usr/libexec/netplan/generate', ['--root-dir', root]);
      const made = join(root, 'run/systemd/network');
      return Object.fromEntries(readdirSync(made).map((file) => [file, readFileSync(join(made, file), 'utf8')]));
    };
    const old = generated('old', yaml);
    const now = generated('now', rewritten('/etc/netplan/50-own.yaml', yaml, identities));
    expect(Object.keys(old)).toContain('10-netplan-ens3.network');
    expect(old['10-netplan-ens3.network']).toContain('52:54:00:00:00:03');
    expect(now).toEqual(Object.fromEntries(Object.entries(old).map((entry) => entry.map(replaced))));
  });

  test('ifupdown', async (context) => {
    context.skip(reason !== undefined);
    await using directory = await temporaryDirectory();
    const content = `auto lo
iface lo inet loopback
# ens3 is the uplink
auto ens3 ens3.100
allow-hotplug ens4
iface ens3 inet static
  address 192.0.2.3/24
  gateway 192.0.2.1
  hwaddress ether 52:54:00:00:00:99
  up ip route add 10.0.0.0/8 via 192.0.2.1 dev ens3
iface ens3.100 inet manual
  vlan-raw-device ens3
iface br0 inet manual
  bridge_ports ens4 ens5
iface ens4 inet manual
`;
    const told = (name: string, text: string): string => {
      const file = join(directory.path, name);
      write(file, text);
      const lists = ['auto', 'hotplug'].map((allow) =>
        tool('usr/sbin/ifquery', ['-i', file, '--list', `--allow=${allow}`]),
      );
      const links = [...text.matchAll(/^iface (\S+)/gm)].map(([, link = '']) => link);
      return [...lists, ...links.map((link) => `${link}\n${tool('usr/sbin/ifquery', ['-i', file, link])}`)].join('');
    };
    const old = told('old', content);
    expect(old).toContain('vlan-raw-device: ens3');
    expect(told('now', rewritten('/etc/network/interfaces', content, identities))).toBe(replaced(old));
  });

  test('NetworkManager', (context) => {
    context.skip(reason !== undefined);
    const content = `[connection]
id=uplink
uuid=5f1e0b6a-52a4-4d0e-9c1d-8c4f3a8e2b01
type=ethernet
interface-name=ens3

[ethernet]
cloned-mac-address=52:54:00:00:00:99
mac-address=52:54:00:00:00:03

[ipv4]
address1=192.0.2.3/24,192.0.2.1
method=manual
`;
    // It reads the connection and writes it anew, in its own way.
    const told = (text: string): string =>
      tool('usr/bin/nmcli', ['--offline', 'connection', 'modify', 'connection.autoconnect', 'yes'], text);
    const old = told(content);
    expect(old).toMatch(/interface-name=ens3[^]*mac-address=52:54:00:00:00:03/i);
    const path = '/etc/NetworkManager/system-connections/uplink.nmconnection';
    expect(told(rewritten(path, content, identities)).toLowerCase()).toBe(replaced(old).toLowerCase());
  });
});

function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content, { mode: 0o600 });
}
