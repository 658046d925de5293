/** Plans for networks that were recorded: of all kinds of links, on machines with other cards. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recordedNetwork } from '../../../test/helpers/recorded-networks.ts';
import type { Link, Network } from '../types.ts';
import { idOf, isCard } from './cards.ts';
import type { LivePlan } from './document.ts';
import { planLive } from './plan.ts';
import { networkPlanText } from './text.ts';

const withResolver = async (release: string): Promise<Network> => ({
  ...(await recordedNetwork(release)),
  dns: { servers: ['192.0.2.53'], search: [] },
});

const networks = new Map(
  await Promise.all(
    ['debian11', 'debian12', 'debian13'].map(async (release) => [release, await withResolver(release)] as const),
  ),
);
const networkOf = (release: string): Network => networks.get(release) ?? raise(release);
function raise(release: string): never {
  throw new Error(`no recording of ${release}`);
}

/** Links that are the first of their kind on a machine: `lo`, and so many cards that were never set up. */
function bare(network: Network, names: readonly string[]): Network {
  const cards = names.map(
    (name, index): Link => ({
      name,
      index: 10 + index,
      kind: 'ether',
      mtu: 1500,
      state: 'down',
      enabled: false,
      permanentMac: `52:54:00:00:02:0${index}`,
      mac: `52:54:00:00:02:0${index}`,
      busPath: `pci0000:00/0000:01:0${index}.0`,
      addresses: [],
    }),
  );
  const lo = network.links.filter(({ kind }) => kind === 'loopback');
  return {
    ...network,
    links: [...lo.map((link) => ({ ...link, addresses: [] })), ...cards],
    routes: [],
    rules: (network.rules ?? []).filter(({ priority, table }) => priority === 0 || table === 'main'),
    neighbours: [],
    dns: { servers: [], search: [] },
  };
}

const names = Array.from({ length: 8 }, (_, index) => `enp1s${index}`);
/** Its ip does not tell the port of this one. */
const unsaid: Readonly<Record<string, readonly string[]>> = { debian11: ['gn1'] };

describe.each([...networks.keys()])('%s', (release) => {
  const exclude = new Set(unsaid[release]);

  test('on the machine that it was captured on there is nothing to do, and nothing is lost', () => {
    const network = networkOf(release);
    const plan = planLive({ wanted: network, found: network, exclude });
    expect(plan.actions.map(({ id }) => id)).toEqual([]);
    expect(plan.loses).toEqual([]);
    expect(plan.cards.every(({ now, was, name }) => now === was && name === was)).toBe(true);
  });

  test('on bare cards all is made, and on what came of it there is nothing to do', () => {
    const wanted = networkOf(release);
    const plan = planLive({ wanted, found: bare(wanted, names), exclude });
    expect(planLive({ wanted, found: plan.network, exclude }).actions.map(({ id }) => id)).toEqual([]);
    checkOrder(plan);
  });
});

test('the text of a plan', () => {
  const wanted = networkOf('debian12');
  expect(networkPlanText(planLive({ wanted, found: bare(wanted, names) }), true)).toMatchSnapshot();
});

test('whatever is left out, and whatever the cards are called: the same plan each time, in an order that can be', () => {
  const wanted = networkOf('debian12');
  const own = wanted.links.filter(({ kind }) => kind !== 'loopback').map(({ name }) => name);
  const cardNames = wanted.links.filter(isCard).map(({ name }) => name);
  fc.assert(
    fc.property(
      fc.subarray(own),
      fc.shuffledSubarray([...names, ...cardNames], { minLength: 8, maxLength: 9 }),
      (left, called) => {
        const exclude = new Set(left);
        const request = { wanted, found: bare(wanted, called), exclude };
        const plan = planLive(request);
        expect(JSON.stringify(planLive(structuredClone(request)))).toBe(JSON.stringify(plan));
        checkOrder(plan);
        for (const name of left) expect(plan.network.links.map((link) => link.name)).not.toContain(name);
        const next = planLive({ wanted, found: plan.network, exclude });
        expect(next.actions.map(({ id }) => id)).toEqual([]);
      },
    ),
    { numRuns: 30 },
  );
});

/** No id twice, no link named before it is there, and no card by another name than the one that it has by then. */
function checkOrder({ actions, before, network, cards }: LivePlan): void {
  expect(new Set(actions.map(({ id }) => id)).size).toBe(actions.length);
  const known = new Set(before.links.map(({ name }) => name));
  const wanted = new Set(network.links.map(({ name }) => name));
  const tokens = new Set(cards.map(({ id }) => id));
  for (const { id, commands } of actions) {
    for (const { argv } of commands) {
      const words = argv.filter((word) => typeof word === 'string');
      for (const word of argv) {
        const isLate = typeof word === 'string' && /^(?:make|set|switch|vlans|addresses)/.test(id);
        if (isLate && cards.some(({ name }) => name === word)) throw new Error(`${id} says ${word} and means a card`);
        if (
          typeof word !== 'string' &&
          !(tokens.has(word.device) || before.links.some((link) => idOf(link) === word.device))
        )
          throw new Error(`${id} means ${word.device}, which is no card`);
      }
      const made = words.includes('add') || words[0] === 'teamd';
      for (const [index, word] of words.entries()) {
        const stands = ['dev', 'link', 'master', 'primary'].includes(words[index - 1] ?? '');
        if (stands && !made && wanted.has(word) && !known.has(word)) throw new Error(`${id}: ${word} is not there yet`);
      }
      const isNew = words.flatMap((word, index) =>
        ['name', '--team-dev'].includes(words[index - 1] ?? '') ? [word] : [],
      );
      for (const name of isNew) known.add(name);
      if (words[1] === 'tuntap') known.add(words[4] ?? '');
    }
  }
  const there = network.links.filter(({ name }) => known.has(name) || cards.some((card) => card.name === name));
  expect(there.length).toBe(network.links.length);
}

test('what nobody saw is neither made nor taken away, and without links there is no plan', () => {
  const network = networkOf('debian12');
  const gap = (subject: string) => ({ subject, problem: 'no permission to see it' });
  const blind = {
    ...network,
    routes: [],
    rules: [],
    dns: { servers: [], search: [] },
    gaps: ['IPv4 routes', 'IPv6 routes', 'IPv4 rules', 'IPv6 rules', '/etc/resolv.conf'].map(gap),
  };
  const plan = planLive({ wanted: blind, found: network });
  expect(plan.actions.map(({ id }) => id)).toEqual([]);
  const nothing = { ...network, links: [], gaps: [gap('links and addresses')] };
  expect(() => planLive({ wanted: nothing, found: network })).toThrow(/knows no links/);
  expect(() => planLive({ wanted: network, found: nothing })).toThrow(/knows no links/);
});

test('name servers stay where some come with an address', () => {
  const network = networkOf('debian12');
  const fixed = network.links.map((link) => ({ ...link, addresses: link.addresses.filter(({ dynamic }) => !dynamic) }));
  const wanted = { ...network, links: fixed };
  const found = { ...wanted, dns: { servers: ['198.51.100.53'], search: [] } };
  expect(planLive({ wanted, found }).actions.map(({ title }) => title)).toEqual(['ask 192.0.2.53 for names']);
  // One of its links has an address with a lifetime.
  expect(planLive({ wanted: network, found: { ...network, dns: found.dns } }).actions).toEqual([]);
});

test('a kind that nobody can make is refused by name, and can be left out', () => {
  const network = networkOf('debian12');
  const odd = network.links.map((link) => (link.name === 'br0' ? { ...link, kind: 'hsr' } : link));
  const request = { wanted: { ...network, links: odd }, found: bare(network, names) };
  expect(() => planLive(request)).toThrow(/cannot be made as it was: link br0/);
  expect(planLive({ ...request, exclude: new Set(['br0']) }).notes).toContain('left out, as told: br0');
});

test('what is lost is named: name servers, and links with their addresses', () => {
  const network = networkOf('debian12');
  const fixed = network.links.map((link) => ({ ...link, addresses: link.addresses.filter(({ dynamic }) => !dynamic) }));
  const wanted = { ...network, links: fixed };
  const address = { ...staticAddress, address: '203.0.113.7' };
  const links = fixed.map(
    (link): Link =>
      link.name === 'dummy0' ? { ...link, kind: 'ifb', detail: { kind: 'ifb' }, addresses: [address] } : link,
  );
  const found = { ...wanted, links, dns: { servers: ['198.51.100.53', '192.0.2.53'], search: [] } };
  const lost = planLive({ wanted, found }).loses.map(({ what }) => what);
  expect(lost).toContain('the name server 198.51.100.53');
  expect(lost).toContainEqual(expect.stringMatching(/^it is taken away: link dummy0 {2}ifb.*203\.0\.113\.7\/24/));
});

test('cards that cannot be told apart, and a name that no link can have, are refused', () => {
  const network = networkOf('debian12');
  const there = bare(network, names);
  const [first] = there.links.filter(isCard);
  const twins = there.links.map((link) => (isCard(link) ? { ...link, permanentMac: first?.permanentMac ?? '' } : link));
  expect(() => planLive({ wanted: network, found: { ...there, links: twins } })).toThrow(/have the same MAC/);
  const odd = network.links.map((link) => (link.name === 'dummy0' ? { ...link, name: 'a name of words' } : link));
  expect(() => planLive({ wanted: { ...network, links: odd }, found: there })).toThrow(/no link have this name/);
});

test('who has a name that a card gets keeps its place under another, and is on again', () => {
  const network = networkOf('debian12');
  const card = network.links.find(isCard);
  const wanted = { ...network, links: card === undefined ? [] : [card], routes: [], rules: [], neighbours: [] };
  const [taken, holder] = bare(network, names).links.filter(isCard);
  if (card === undefined || taken === undefined || holder === undefined) throw new Error('two cards');
  const bridge: Link = {
    ...holder,
    name: card.name,
    index: 99,
    kind: 'bridge',
    enabled: true,
    detail: { kind: 'bridge' },
  };
  const { permanentMac: _mac, busPath: _path, ...inPlace } = bridge;
  const found = { ...wanted, links: [taken, inPlace] };
  const plan = planLive({ wanted, found });
  checkOrder(plan);
  expect(plan.loses).toMatchObject([
    { link: card.name, what: expect.stringMatching(/^its name: it is called other0/) },
  ]);
  expect(plan.actions.filter(({ id }) => /^(?:free|rename)/.test(id)).map(({ title }) => title)).toEqual([
    `rename ${card.name} to moving1`,
    `rename ${taken.name} to ${card.name}`,
    `rename ${card.name} to other0`,
  ]);
  expect(
    plan.actions
      .find(({ title }) => title.endsWith('to other0'))
      ?.commands.at(-1)
      ?.argv.at(-1),
  ).toBe('up');
});

const staticAddress = { prefix: 24, family: 'inet', scope: 'global', dynamic: false, origin: 'static' } as const;
