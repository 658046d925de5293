import { below, command, maker } from './maker.ts';

const switches = [
  ['REORDER_HDR', 'reorder_hdr'],
  ['GVRP', 'gvrp'],
  ['MVRP', 'mvrp'],
  ['LOOSE_BINDING', 'loose_binding'],
  ['BRIDGE_BINDING', 'bridge_binding'],
] as const;

type Mapping = readonly { readonly from: number; readonly to: number }[];

const mapped = (word: string, map: Mapping = []): string[] =>
  map.length === 0 ? [] : [word, ...map.map(({ from, to }) => `${from}:${to}`)];

export const vlan = maker(['vlan'], {
  problem: (link) => (below(link) === undefined ? 'the link that it stands on was not captured' : undefined),
  create(link, { id, protocol = '802.1Q', flags = [], ingress_qos: ingress, egress_qos: egress }, named) {
    const lower = below(link);
    if (lower === undefined) return [];
    const words = switches.flatMap(([flag, word]) =>
      flags.includes(flag) === (flag === 'REORDER_HDR') ? [] : [word, flags.includes(flag) ? 'on' : 'off'],
    );
    return [
      command(
        ...(['ip', 'link', 'add', 'link', named(lower), 'name', link.name, 'type', 'vlan'] as const),
        'protocol',
        protocol,
        'id',
        String(id),
        ...words,
        ...mapped('ingress-qos-map', ingress),
        ...mapped('egress-qos-map', egress),
      ),
    ];
  },
});
