/** Changes of the settings that only a kind of link has, and of its settings as a member of its master. */
import type { Change } from '../kernel/change.ts';
import { changed, type Item, listChanges, same, valueText, type Unseen } from './compare.ts';
import { isUnset } from './kinds/kinds.ts';
import type { WireGuard } from './kinds/wireguard.ts';
import { subjects } from './subjects.ts';
import type { Link } from './types.ts';

/** Lower links, which are compared as edges. */
const elsewhere = new Set(['kind', 'link', 'peers', 'ports']);

/**
 * Costs that the kernel gives a port of a bridge by the speed of its link (`port_cost` of `net/bridge/br_if.c`, also of other versions).
 * It does not tell which ones were set; another number was.
 */
const costsOfSpeeds: readonly unknown[] = [1, 2, 3, 4, 5, 7, 19, 100, 2500, undefined];

export const followsSpeed = (cost: unknown): boolean => costsOfSpeeds.includes(cost);

/** With the spanning tree on, these are those of its root, and ageing is faster for a while after each change of the tree. */
const ofTree = new Set(['forward_delay', 'hello_time', 'max_age', 'ageing_time']);

const usesTree = ({ detail }: Link): boolean => detail?.kind === 'bridge' && detail.stp_state === 1;

export function detailChanges(was: Link, is: Link, low: boolean, unseen: Unseen): Change[] {
  const changes: Change[] = [];
  if (was.detail !== undefined && is.detail !== undefined) {
    // Of other kinds nobody knows which of its values are settings, and which are counters.
    if (was.detail.kind === 'other' || is.detail.kind === 'other') return [];
    if (was.detail.kind === 'wireguard' && is.detail.kind === 'wireguard') {
      return unseen(subjects.wireguard) ? [] : wireguardChanges(is.name, was.detail, is.detail);
    }
    if (is.detail.kind === 'team' && unseen(subjects.team)) return [];
    const found = fieldChanges(is.name, was.detail, is.detail, low ? 'appearance' : 'recovery', '');
    const inTree = usesTree(was) || usesTree(is);
    changes.push(...found.filter(({ attribute = '' }) => !(inTree && ofTree.has(attribute))));
  }
  if (was.membership !== undefined && is.membership?.kind === was.membership.kind && was.master === is.master) {
    changes.push(
      ...fieldChanges(is.name, was.membership, is.membership, 'appearance', `as a member of ${is.master ?? '?'}: `),
    );
  }
  return changes;
}

type Fields = Readonly<Record<string, unknown>> & { readonly kind: string };

function fieldChanges(name: string, was: Fields, is: Fields, risk: Change['risk'], prefix: string): Change[] {
  const names = new Set([...Object.keys(was), ...Object.keys(is)]);
  return [...names].flatMap((field) => {
    const [old, now] = [was[field], is[field]];
    if (elsewhere.has(field) || same(old, now)) return [];
    if (field === 'cost' && followsSpeed(old) && followsSpeed(now)) return [];
    // Another version of iproute2 prints others; what it does not print is as it was made.
    if (old === undefined && isUnset(is.kind, field, now)) return [];
    if (now === undefined && isUnset(was.kind, field, old)) return [];
    const text = `link ${name}: ${prefix}${field} was ${valueText(old)}, is ${valueText(now)}`;
    return [changed(`link ${name}`, field, risk, text)];
  });
}

/** From there on the kernel takes a port by itself, another one each time. */
const firstChosenPort = 32_768;

function wireguardChanges(name: string, was: WireGuard, is: WireGuard): Change[] {
  const settings = ({ publicKey, listenPort, fwmark }: WireGuard): Fields => ({
    kind: 'wireguard',
    publicKey,
    fwmark,
    listenPort: listenPort !== undefined && listenPort < firstChosenPort ? listenPort : undefined,
  });
  const peers = (link: WireGuard): Item[] =>
    link.peers.map(({ publicKey, allowedIps, keepaliveSeconds }) => ({
      target: publicKey,
      text: [
        publicKey,
        `for ${allowedIps.toSorted().join(' ') || 'nothing'}`,
        ...(keepaliveSeconds === undefined ? [] : [`keepalive ${keepaliveSeconds}`]),
      ].join(' '),
      risk: 'recovery',
    }));
  return [
    ...fieldChanges(name, settings(was), settings(is), 'recovery', ''),
    ...listChanges(`link ${name}: peer`, peers(was), peers(is)),
  ];
}
