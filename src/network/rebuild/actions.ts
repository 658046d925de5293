/** What makes a network out of what is there: actions that do no harm when they are done twice. */
import type { Action, Command, Word } from '../../plan/action.ts';
import { same } from '../compare.ts';
import type { Link, Network } from '../types.ts';
import { linkText } from '../words.ts';
import { addressActions } from './addresses.ts';
import { idOf, inOrderOfMaking } from './cards.ts';
import type { PlannedCard } from './document.ts';
import { makerOf, membershipWords } from './makers.ts';
import { attempt, command, type Named } from './makers/maker.ts';
import { nowOf } from './now.ts';
import { dnsActions, neighbourActions, routeActions, ruleActions, sysctlActions } from './rest.ts';
import { act, type Scene } from './scene.ts';
import { differingSettings, settingsOf, usualSettings } from './settings.ts';

/** Pure: what is there, and what is to be, give the same actions whenever they are asked for. */
export function networkActions(before: Network, network: Network, cards: readonly PlannedCard[]): Action[] {
  const ids = new Map(cards.map(({ name, id }) => [name, id]));
  const named: Named = (name) => {
    const id = ids.get(name);
    return id === undefined ? name : { device: id };
  };
  const scene: Scene = { before, network, now: nowOf(before, network, cards), named };
  const order = inOrderOfMaking(network.links);
  return [
    ...scene.now.removed.map(removal),
    ...renaming(scene),
    ...sysctlActions(scene, 'all'),
    ...order.flatMap((link) => making(link, scene)),
    ...order.flatMap((link) => setting(link, scene)),
    ...sysctlActions(scene, 'links'),
    ...order.flatMap((link) => switching(link, scene)),
    ...order.flatMap((link) => bridgeVlans(link, scene)),
    ...order.flatMap((link) => addressActions(link, scene)),
    ...neighbourActions(scene),
    ...routeActions(scene),
    ...ruleActions(scene),
    ...dnsActions(scene),
  ];
}

function removal(link: Link): Action {
  const commands = makerOf(link)?.remove(link) ?? [attempt('ip', 'link', 'delete', 'dev', link.name)];
  return act(`remove ${link.name}`, `take away ${linkText(link)}`, link.name, commands);
}

/** Two may have to exchange their names: whoever has one that another gets is given one first that nobody has. */
function renaming({ before, network, now: { renamed } }: Scene): Action[] {
  const ids = new Map(before.links.map((link) => [link.name, { device: idOf(link) }]));
  const names = [...renamed];
  const wanted = new Set(renamed.values());
  const stays = new Set(network.links.map(({ name }) => name));
  const rename = (from: string, to: string, step: string): Action => {
    const device = ids.get(from) ?? from;
    const link = before.links.find(({ name }) => name === from);
    // Of those of the plan each is switched on when it is set up.
    const isOn = step === 'rename' && link?.enabled === true && !stays.has(to);
    return act(`${step} ${from}`, `rename ${from} to ${to}`, to, [
      ...holdersOf(before, to).map(({ name }) =>
        attempt('ip', 'link', 'property', 'del', 'dev', ids.get(name) ?? name, 'altname', to),
      ),
      command('ip', 'link', 'set', 'dev', device, 'down'),
      command('ip', 'link', 'set', 'dev', device, 'name', to),
      ...(isOn ? [command('ip', 'link', 'set', 'dev', device, 'up')] : []),
    ]);
  };
  return [
    ...names.flatMap(([from], index) => (wanted.has(from) ? [rename(from, `moving${index}`, 'free')] : [])),
    ...names.map(([from, to]) => rename(from, to, 'rename')),
  ];
}

/** Links that have a name as another one of theirs: no link can be called so as long as they have. */
export const holdersOf = ({ links }: Network, name: string): readonly Link[] =>
  links.filter(({ alternativeNames = [] }) => alternativeNames.includes(name));

function making(link: Link, scene: Scene): Action[] {
  const { network, now, named } = scene;
  const { name, peer } = link;
  const maker = makerOf(link);
  const isThere = now.of(name) !== undefined;
  // One end of a pair makes the other.
  const isPartner =
    peer !== undefined && network.links.find((one) => one.name === name || one.name === peer)?.name !== name;
  const members = network.links.filter(({ master }) => master === name);
  const made = isThere || isPartner || maker === undefined ? [] : maker.create(link, named);
  const joined = maker?.takesMembers === true ? [] : members.flatMap((member) => joining(member, link, scene));
  const first =
    made.length === 0 ? [] : maker?.takesMembers === true ? members.flatMap((member) => down(member, scene)) : [];
  const left = isThere ? leaving(link, scene) : [];
  const primary =
    link.detail?.kind === 'bond' && link.detail.primary !== undefined && made.length > 0 ? [link.detail.primary] : [];
  const commands = [
    ...first,
    ...made,
    ...left,
    ...joined,
    ...primary.map((member) => command('ip', 'link', 'set', 'dev', name, 'type', 'bond', 'primary', named(member))),
  ];
  if (commands.length === 0) return [];
  const verb = made.length === 0 ? 'give its members to' : 'make';
  // Joining and leaving can be done twice; what is made is taken away first.
  return [
    act(
      `make ${name}`,
      `${verb} ${linkText({ ...link, state: '' })}`,
      name,
      commands,
      made.length === 0 ? undefined : maker?.remove(link),
    ),
  ];
}

const down = ({ name }: Link, { named }: Scene): Command[] => [
  command('ip', 'link', 'set', 'dev', named(name), 'down'),
];

function joining(member: Link, master: Link, scene: Scene): Command[] {
  const { now, named } = scene;
  const found = now.of(member.name);
  const words = membershipWords(member);
  const isMember =
    found !== undefined && found.master === now.of(master.name)?.name && now.of(master.name) !== undefined;
  if (isMember && same(found.membership, member.membership)) return [];
  const device = named(member.name);
  return [
    ...(isMember ? [] : [...down(member, scene), command('ip', 'link', 'set', 'dev', device, 'master', master.name)]),
    ...(words.length === 0 ? [] : [command('ip', 'link', 'set', 'dev', device, ...words)]),
  ];
}

/** Of a master that stays, members that it will not have. */
function leaving({ name }: Link, { network, now, named }: Scene): Command[] {
  const master = now.of(name)?.name;
  return network.links.flatMap((link) => {
    const found = now.of(link.name);
    const leaves = found?.master !== undefined && found.master === master && link.master === undefined;
    return leaves ? [command('ip', 'link', 'set', 'dev', named(link.name), 'nomaster')] : [];
  });
}

function setting(link: Link, scene: Scene): Action[] {
  const { now, named } = scene;
  const { name, offloads = {}, alternativeNames = [] } = link;
  const found = now.of(name);
  const device = named(name);
  const words = [
    ...differingSettings(settingsOf(link), found === undefined ? usualSettings : settingsOf(found)).values(),
  ].flat();
  const names = alternativeNames.filter((one) => found?.alternativeNames?.includes(one) !== true);
  const switched = Object.entries(offloads).filter(([feature, on]) => found?.offloads?.[feature] !== on);
  const isForeign =
    found?.master !== undefined &&
    link.master === undefined &&
    !scene.network.links.some((one) => now.of(one.name)?.name === found.master);
  const commands = [
    ...(isForeign ? [command('ip', 'link', 'set', 'dev', device, 'nomaster')] : []),
    ...(now.isOff(name) && found?.enabled === true ? down(link, scene) : []),
    ...(words.length === 0 ? [] : [command('ip', 'link', 'set', 'dev', device, ...words)]),
    ...names.map((one) => attempt('ip', 'link', 'property', 'add', 'dev', device, 'altname', one)),
    ...switched.map(([feature, on]) => ethtool(device, feature, on)),
  ];
  return commands.length === 0 ? [] : [act(`set ${name}`, `set up ${name}`, name, commands)];
}

/** A card may have it fixed: that it is another then is told at the end. */
const ethtool = (device: Word, feature: string, on: boolean): Command => ({
  argv: ['ethtool', '--features', device, feature, on ? 'on' : 'off'],
  okCodes: [0, 1],
});

function switching(link: Link, { now, named }: Scene): Action[] {
  const { name, enabled } = link;
  const found = now.of(name);
  const isOn = found !== undefined && !now.isOff(name) ? found.enabled === true : false;
  // A VLAN that is off goes on with the link below it.
  if (enabled === undefined || (isOn === enabled && !now.isOff(name))) return [];
  const word = enabled ? 'up' : 'down';
  return [
    act(`switch ${name}`, `switch ${name} ${enabled ? 'on' : 'off'}`, name, [
      command('ip', 'link', 'set', 'dev', named(name), word),
    ]),
  ];
}

/** Where its bridge filters: exactly those that it had, and none that it gets by itself. */
function bridgeVlans(link: Link, { network, now, named }: Scene): Action[] {
  const { name, vlans, master, detail } = link;
  if (vlans === undefined) return [];
  const found = now.of(name);
  if (found !== undefined && !now.isOff(name) && same(found.vlans ?? [], vlans)) return [];
  const bridge = detail?.kind === 'bridge' ? link : network.links.find((one) => one.name === master);
  if (bridge?.detail?.kind !== 'bridge') return [];
  const self = bridge === link ? ['self'] : [];
  const device = named(name);
  const given = bridge.detail.vlan_default_pvid ?? 1;
  const unwanted = [...(given === 0 ? [] : [{ vlan: given }]), ...(found?.vlans ?? [])].filter(
    ({ vlan }) => !vlans.some((one) => one.vlan === vlan),
  );
  const range = ({ vlan, vlanEnd }: { readonly vlan: number; readonly vlanEnd?: number }): string =>
    vlanEnd === undefined ? `${vlan}` : `${vlan}-${vlanEnd}`;
  return [
    act(`vlans ${name}`, `let the VLANs of ${name} pass`, name, [
      ...unwanted.map(
        (one): Command => ({
          argv: ['bridge', 'vlan', 'del', 'dev', device, 'vid', range(one), ...self],
          okCodes: [0, 255, 2],
        }),
      ),
      ...vlans.map((one) =>
        command(
          ...(['bridge', 'vlan', 'add', 'dev', device, 'vid', range(one)] as const),
          ...(one.pvid === true ? ['pvid'] : []),
          ...(one.untagged === true ? ['untagged'] : []),
          ...self,
        ),
      ),
    ]),
  ];
}
