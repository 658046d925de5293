/** The one list of makers, by the kinds of links that they make. */
import type { Word } from '../../plan/action.ts';
import type { Detail } from '../kinds/kinds.ts';
import { followsSpeed } from '../diff-details.ts';
import type { Link } from '../types.ts';
import { bond, bondPort } from './makers/bond.ts';
import { bridge, bridgePort } from './makers/bridge.ts';
import { ipvlan, macvlan } from './makers/macvlan.ts';
import type { AnyMaker } from './makers/maker.ts';
import { plain, team, tun, vrf, wireguard } from './makers/others.ts';
import { geneve, macsec, tunnel, vxlan } from './makers/tunnels.ts';
import { vlan } from './makers/vlan.ts';

const makers: Readonly<Record<Exclude<Detail['kind'], 'other'>, AnyMaker>> = {
  bond,
  bridge,
  vlan,
  macvlan,
  macvtap: macvlan,
  ipvlan,
  ipvtap: ipvlan,
  vxlan,
  geneve,
  macsec,
  gre: tunnel,
  gretap: tunnel,
  ip6gre: tunnel,
  ip6gretap: tunnel,
  erspan: tunnel,
  ipip: tunnel,
  sit: tunnel,
  ip6tnl: tunnel,
  vti: tunnel,
  vti6: tunnel,
  tun,
  vrf,
  wireguard,
  team,
  veth: plain,
  dummy: plain,
  ifb: plain,
  nlmon: plain,
  vcan: plain,
};

const byKind = new Map<string, AnyMaker>(Object.entries(makers));

export const makerOf = ({ kind }: Link): AnyMaker | undefined => byKind.get(kind);

/** Settings of a member, as words after its kind; none where it is as every new member is. */
export function membershipWords({ membership }: Link): readonly Word[] {
  if (membership === undefined) return [];
  const words =
    membership.kind === 'bond' ? bondPort(membership) : bridgePort(membership, followsSpeed(membership.cost));
  return words.length === 0 ? [] : ['type', `${membership.kind}_slave`, ...words];
}
