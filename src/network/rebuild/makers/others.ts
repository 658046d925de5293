/** Links without much of their own, and those behind which a program or a secret is. */
import { attempt, command, loaded, maker } from './maker.ts';

export const plain = maker(['veth', 'dummy', 'ifb', 'nlmon', 'vcan'], {
  problem: ({ kind, peer, elsewhere }) =>
    kind === 'veth' && (peer === undefined || elsewhere === true)
      ? 'its other end is in another network namespace'
      : undefined,
  create: ({ name, peer }, { kind }) => [
    ...(kind === 'dummy' || kind === 'ifb' ? loaded(name, kind) : []),
    command(
      ...(['ip', 'link', 'add', 'name', name, 'type', kind] as const),
      ...(peer === undefined ? [] : ['peer', 'name', peer]),
    ),
  ],
});

export const vrf = maker(['vrf'], {
  create: ({ name }, { table }) => [command('ip', 'link', 'add', 'name', name, 'type', 'vrf', 'table', String(table))],
});

export const tun = maker(['tun'], {
  problem: (_, { persist }) => (persist === true ? undefined : 'the program that made it makes it again'),
  create: ({ name }, { type = 'tun', user, group, pi, vnet_hdr: header, multi_queue: queues }) => [
    command(
      ...(['ip', 'tuntap', 'add', 'dev', name, 'mode', type] as const),
      ...(user === undefined ? [] : ['user', String(user)]),
      ...(group === undefined ? [] : ['group', String(group)]),
      ...(pi === true ? ['pi'] : []),
      ...(header === true ? ['vnet_hdr'] : []),
      ...(queues === true ? ['multi_queue'] : []),
    ),
  ],
});

export const team = maker(['team'], {
  problem: (_, { config }) => (config === undefined ? 'its settings were not captured' : undefined),
  create: ({ name }, { config }) => [
    command('mkdir', '-p', '/run/teamd'),
    command('teamd', '--daemonize', '--team-dev', name, '--usock-enable', '--config', JSON.stringify(config)),
  ],
  remove: ({ name }) => [attempt('teamd', '--kill', '--team-dev', name), attempt('ip', 'link', 'delete', 'dev', name)],
  takesMembers: true,
});

export const wireguard = maker(['wireguard'], {
  note: ({ name }) =>
    `its private key, and keys shared with peers, are secret and in no capture: "wg set ${name} private-key FILE", out of the host's own files`,
  create: ({ name }, { listenPort, fwmark, peers }) => [
    command('ip', 'link', 'add', 'name', name, 'type', 'wireguard'),
    ...(listenPort === undefined && fwmark === undefined && peers.length === 0
      ? []
      : [
          command(
            ...(['wg', 'set', name] as const),
            ...(listenPort === undefined ? [] : ['listen-port', String(listenPort)]),
            ...(fwmark === undefined ? [] : ['fwmark', fwmark]),
            ...peers.flatMap(({ publicKey, endpoint, allowedIps, keepaliveSeconds }) => [
              'peer',
              publicKey,
              ...(endpoint === undefined ? [] : ['endpoint', endpoint]),
              ...(keepaliveSeconds === undefined ? [] : ['persistent-keepalive', String(keepaliveSeconds)]),
              'allowed-ips',
              allowedIps.join(','),
            ]),
          ),
        ]),
  ],
});
