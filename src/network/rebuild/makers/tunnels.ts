/** Tunnels over IP: VXLAN, Geneve, GRE and the like. */
import type { Command, Word } from '../../../plan/action.ts';
import type { Link } from '../../types.ts';
import { below, command, maker, type Named } from './maker.ts';
import { flag, onOff, type Options, plainly, value, wordsOf } from './options.ts';

const ofVxlan: Options = [
  ...plainly(value, 'id'),
  ['group', value('group')],
  ['group6', value('group')],
  ['remote', value('remote')],
  ['remote6', value('remote')],
  ['local', value('local')],
  ['local6', value('local')],
  ...plainly(value, 'ttl tos df'),
  ['label', value('flowlabel')],
  ...plainly(value, 'ageing'),
  ['limit', value('maxaddress')],
  ['port', value('dstport')],
  ['learning', flag('learning', 'nolearning')],
  ['proxy', flag('proxy', 'noproxy')],
  ['rsc', flag('rsc', 'norsc')],
  ['l2miss', flag('l2miss', 'nol2miss')],
  ['l3miss', flag('l3miss', 'nol3miss')],
  ['udp_csum', flag('udpcsum', 'noudpcsum')],
  ['udp_zero_csum6_tx', flag('udp6zerocsumtx', 'noudp6zerocsumtx')],
  ['udp_zero_csum6_rx', flag('udp6zerocsumrx', 'noudp6zerocsumrx')],
  ['remcsum_tx', flag('remcsumtx', 'noremcsumtx')],
  ['remcsum_rx', flag('remcsumrx', 'noremcsumrx')],
  ...plainly(flag, 'gbp gpe external vnifilter'),
  ['localbypass', flag('localbypass', 'nolocalbypass')],
  ['mcroute', flag('mcroute', 'nomcroute')],
];

const usualVxlan = {
  ttl: 0,
  tos: 0,
  df: 'unset',
  label: 0,
  limit: 0,
  udp_csum: true,
  udp_zero_csum6_tx: false,
  udp_zero_csum6_rx: false,
  remcsum_tx: false,
  remcsum_rx: false,
  proxy: false,
  rsc: false,
  l2miss: false,
  l3miss: false,
  localbypass: true,
  mcroute: false,
};

export const vxlan = maker(['vxlan'], {
  create(link, detail, named) {
    const { id, port_range: ports, ...rest } = detail;
    const words = wordsOf(rest.external === true ? rest : { id, ...rest }, ofVxlan, usualVxlan);
    const range = ports === undefined || ports.high === 0 ? [] : ['srcport', `${ports.low}`, `${ports.high}`];
    return made(link, 'vxlan', [...words, ...range, ...onDevice(link, named)]);
  },
});

const ofGeneve: Options = [
  ...plainly(value, 'id'),
  ['remote', value('remote')],
  ['remote6', value('remote')],
  ...plainly(value, 'ttl tos df'),
  ['label', value('flowlabel')],
  ['port', value('dstport')],
  ...plainly(flag, 'external'),
  ['udp_csum', flag('udpcsum', 'noudpcsum')],
  ['udp_zero_csum6_tx', flag('udp6zerocsumtx', 'noudp6zerocsumtx')],
  ['udp_zero_csum6_rx', flag('udp6zerocsumrx', 'noudp6zerocsumrx')],
  ['inner_proto_inherit', flag('innerprotoinherit')],
];

export const geneve = maker(['geneve'], {
  // ip of iproute2 5.10 does not say it, and there is one of each port.
  problem: (_, { external, port }) =>
    external === true && port === undefined ? 'its port was not captured' : undefined,
  create(link, detail) {
    const { id, ...rest } = detail;
    const usual = { ttl: 0, tos: 0, df: 'unset', label: 0 };
    return made(link, 'geneve', wordsOf(rest.external === true ? rest : { id, ...rest }, ofGeneve, usual));
  },
});

const ofTunnel: Options = [
  ['proto', value('mode')],
  ...plainly(value, 'remote local ttl tos'),
  ['tclass', value('tclass')],
  ['flowlabel', value('flowlabel')],
  ['encap_limit', (limit) => ['encaplimit', limit === 0 ? 'none' : String(limit)]],
  ['pmtudisc', flag('pmtudisc', 'nopmtudisc')],
  ['ignore_df', flag('ignore-df', 'noignore-df')],
  ['ikey', value('ikey')],
  ['okey', value('okey')],
  ...plainly(flag, 'iseq oseq icsum ocsum external'),
  ['fwmark', value('fwmark')],
  ['erspan_ver', value('erspan_ver')],
  ['erspan_index', value('erspan')],
  ['erspan_dir', value('erspan_dir')],
  ['erspan_hwid', value('erspan_hwid')],
];

const usualTunnel = {
  remote: 'any',
  local: 'any',
  ttl: 0,
  tos: 0,
  tclass: '0x00',
  flowlabel: '0x00000',
  pmtudisc: true,
  ignore_df: false,
  ikey: '0.0.0.0',
  okey: '0.0.0.0',
  fwmark: 0,
};

export const tunnel = maker(
  ['gre', 'gretap', 'ip6gre', 'ip6gretap', 'erspan', 'ipip', 'sit', 'ip6tnl', 'vti', 'vti6'],
  {
    create(link, detail, named) {
      const { prefix, prefixlen, relay_prefix: relay, relay_prefixlen: relayBits, ...rest } = detail;
      const words = wordsOf(rest, ofTunnel, usualTunnel);
      const own = made(link, detail.kind, [...words, ...onDevice(link, named)]);
      // 2002::/16 is what every tunnel of this kind has.
      if (prefix === undefined || prefix === '2002::') return own;
      return [
        ...own,
        command(
          ...(['ip', 'tunnel', '6rd', 'dev', link.name, '6rd-prefix', `${prefix}/${prefixlen ?? 32}`] as const),
          ...(relay === undefined ? [] : ['6rd-relay_prefix', `${relay}/${relayBits ?? 32}`]),
        ),
      ];
    },
  },
);

const ofMacsec: Options = [
  ...plainly(value, 'sci'),
  ['cipher_suite', (suite) => ['cipher', String(suite).toLowerCase()]],
  ['icv_len', value('icvlen')],
  ...plainly(onOff, 'encrypt'),
  ['inc_sci', onOff('send_sci')],
  ['es', onOff('end_station')],
  ['scb', onOff('scb')],
  ['protect', onOff('protect')],
  ['replay_protect', onOff('replay')],
  ['window', value('window')],
  ['validation', value('validate')],
  ['offload', value('offload')],
];

export const macsec = maker(['macsec'], {
  problem: (link) => (below(link) === undefined ? 'the link that it stands on was not captured' : undefined),
  note: () => 'its keys are secret and in no capture: add them with "ip macsec add"',
  create(link, detail, named) {
    const lower = below(link);
    if (lower === undefined) return [];
    const words = wordsOf(detail, ofMacsec, { es: false, scb: false, replay_protect: false, offload: 'off' });
    const address = link.macOrigin === 'set' && link.mac !== undefined ? ['address', link.mac] : [];
    return [
      command('ip', 'link', 'add', 'link', named(lower), 'name', link.name, ...address, 'type', 'macsec', ...words),
    ];
  },
});

const onDevice = (link: Link, named: Named): Word[] => {
  const lower = below(link);
  return lower === undefined ? [] : ['dev', named(lower)];
};

const made = ({ name }: Link, kind: string, words: readonly Word[]): Command[] => [
  command('ip', 'link', 'add', 'name', name, 'type', kind, ...words),
];
