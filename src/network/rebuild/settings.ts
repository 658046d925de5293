/** What any link can have set, as words of `ip link set`. */
import type { Word } from '../../plan/action.ts';
import type { Link } from '../types.ts';

/** Settings by what they are, so that two links can be compared. */
export type Settings = ReadonlyMap<string, readonly Word[]>;

/** Of tunnels and the like ARP and multicast follow from what they are. */
const withArp = new Set(['ether', 'veth', 'bridge', 'bond', 'vlan', 'dummy', 'macvlan', 'team', 'ifb']);

export function settingsOf(link: Link): Settings {
  const { kind, mac, macOrigin, master, mtu, alias = '', group = 'default', txQueueLength, addressMode, flags } = link;
  const found = new Map<string, readonly Word[]>();
  const add = (what: string, ...words: readonly string[]) => found.set(what, words);
  // Those of members are what their master gives them; one of MACsec that gets another forgets its SCI.
  const isMadeWith = (master !== undefined && kind === 'ether') || kind === 'macsec';
  if (macOrigin === 'set' && mac !== undefined && !isMadeWith) add('mac', 'address', mac);
  if (kind !== 'loopback' || mtu !== 65_536) add('mtu', 'mtu', String(mtu));
  add('alias', 'alias', alias);
  add('group', 'group', group);
  if (txQueueLength !== undefined) add('txqueuelen', 'txqueuelen', String(txQueueLength));
  // The others are made out of a secret.
  if (addressMode === 'eui64' || addressMode === 'none') add('addrgenmode', 'addrgenmode', addressMode);
  if (flags !== undefined && kind !== 'loopback') {
    const onOff = (on: boolean): string => (on ? 'on' : 'off');
    if (withArp.has(kind)) {
      add('arp', 'arp', onOff(!flags.includes('NOARP')));
      add('multicast', 'multicast', onOff(!flags.includes('NOMULTICAST')));
    }
    add('promisc', 'promisc', onOff(flags.includes('PROMISC')));
    add('allmulticast', 'allmulticast', onOff(flags.includes('ALLMULTI')));
  }
  return found;
}

/** What nobody has to set on a link that was just made. */
export const usualSettings: Settings = new Map([
  ['alias', ['alias', '']],
  ['group', ['group', 'default']],
  ['addrgenmode', ['addrgenmode', 'eui64']],
  ['promisc', ['promisc', 'off']],
  ['allmulticast', ['allmulticast', 'off']],
]);

/** What of the first the second does not have. */
export function differingSettings(wanted: Settings, found: Settings): Settings {
  return new Map([...wanted].filter(([what, words]) => JSON.stringify(found.get(what)) !== JSON.stringify(words)));
}
