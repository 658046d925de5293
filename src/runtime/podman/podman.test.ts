import { expect, test } from 'vitest';
import { definitionsOf } from './definition.ts';
import { networksOf, portsOf } from './networks.ts';
import { inspectSchema, type Inspected } from './schema.ts';

function inspected(host: Partial<Inspected['HostConfig']>, networks: object = {}): Inspected {
  const [one] = inspectSchema.parse([
    {
      Id: 'a',
      Name: 'a',
      State: { Status: 'running' },
      Config: {},
      HostConfig: host,
      NetworkSettings: { Networks: networks },
    },
  ]);
  if (one === undefined) throw new Error('nothing parsed');
  return one;
}

test.each([
  ['none', [{ kind: 'none' }]],
  ['host', [{ kind: 'host' }]],
  ['container:abc', [{ kind: 'container', with: 'abc' }]],
  ['pasta', [{ kind: 'user', name: 'pasta', nat: false }]],
])('network mode %s', (NetworkMode, expected) => {
  expect(networksOf(inspected({ NetworkMode }), [])).toEqual(expected);
});

test('a bridge has its addresses, its link on the host, and whether addresses are translated', () => {
  const attached = {
    n1: {
      IPAddress: '10.89.0.2',
      IPPrefixLen: 24,
      Gateway: '10.89.0.1',
      MacAddress: '02:00:00:00:00:01',
      Aliases: ['web'],
    },
  };
  const known = [{ name: 'n1', driver: 'bridge', network_interface: 'podman1', internal: false }];
  const found = networksOf(inspected({ NetworkMode: 'bridge' }, attached), known);
  expect(found).toEqual([
    {
      kind: 'bridge',
      name: 'n1',
      parent: 'podman1',
      mac: '02:00:00:00:00:01',
      addresses: ['10.89.0.2/24'],
      gateways: ['10.89.0.1'],
      aliases: ['web'],
      nat: true,
    },
  ]);
  const internal = known.map((network) => ({ ...network, internal: true }));
  expect(networksOf(inspected({ NetworkMode: 'bridge' }, attached), internal)[0]?.nat).toBe(false);
});

test('ports of the host', () => {
  const PortBindings = {
    '80/tcp': [
      { HostIp: '0.0.0.0', HostPort: '8080' },
      { HostIp: '127.0.0.1', HostPort: '81' },
    ],
    '53/udp': null,
  };
  expect(portsOf(inspected({ PortBindings }))).toEqual([
    { protocol: 'tcp', inside: 80, outside: 8080 },
    { protocol: 'tcp', inside: 80, outside: 81, address: '127.0.0.1' },
  ]);
});

test('a container is known by its quadlet, also by that of a template', () => {
  const quadlets = ['/etc/containers/systemd/web@.container', '/etc/containers/systemd/db.container'];
  expect(definitionsOf({ PODMAN_SYSTEMD_UNIT: 'db.service' }, quadlets, [])).toEqual([
    { kind: 'quadlet', paths: ['/etc/containers/systemd/db.container'] },
  ]);
  expect(definitionsOf({ PODMAN_SYSTEMD_UNIT: 'web@blue.service' }, quadlets, [])).toEqual([
    { kind: 'quadlet', paths: ['/etc/containers/systemd/web@.container'] },
  ]);
  expect(definitionsOf({ PODMAN_SYSTEMD_UNIT: 'other.service' }, quadlets, [])).toEqual([]);
});

test('a container is known by its compose files', () => {
  const labels = {
    'com.docker.compose.project': 'shop',
    'com.docker.compose.service': 'db',
    'com.docker.compose.project.working_dir': '/srv/shop',
    'com.docker.compose.project.config_files': 'compose.yaml,/etc/shop/override.yaml',
  };
  expect(definitionsOf(labels, [], [])).toEqual([
    {
      kind: 'compose',
      paths: ['/srv/shop/compose.yaml', '/etc/shop/override.yaml'],
      project: 'shop',
      service: 'db',
    },
  ]);
});
