/** A network is made anew in another machine: all that the plain tools say is the same, whoever is killed on the way. */
import { describe, expect, test } from 'vitest';
import type { Host } from '../../src/host/host.ts';
import { LifeboatError } from '../../src/kernel/errors.ts';
import { type Application, applyLive } from '../../src/network/rebuild/apply.ts';
import { planLive } from '../../src/network/rebuild/plan.ts';
import type { Network } from '../../src/network/types.ts';
import { type Machine, machine, noMachine } from './machine.ts';
import { build, capture, settled } from './scene.ts';

const reason = noMachine();
if (reason !== undefined) console.log(`network namespaces: skipped: ${reason}`);
const { signal } = new AbortController();

/** Of an attempt of which nothing is remembered. */
const plainly: Omit<Application, 'host'> = {
  progress: { begun: new Set(), ended: new Set(), begin: async () => {}, end: async () => {} },
  say: () => {},
};

/** What the plain tools say, without what is another in each machine. */
const said = ({ run }: Machine): string =>
  [
    'ip -4 route show table all',
    'ip -6 route show table main',
    'ip rule',
    'ip -6 rule',
    'ip neigh show proxy',
    'bridge -d link show',
  ]
    .map((line) => run(line))
    .join('')
    .replaceAll(/\b(?:fe80::\S+|expires \d+sec|state \w+)|@\S+|^\d+: /gm, '')
    .split('\n')
    .filter((line) => !/proto (?:kernel|dhcp|bird)|198\.51\.100\.2\b|2001:db8::2\b|blue|side0|fe80/.test(line))
    .map((line) => line.trim())
    .toSorted()
    .join('\n');

interface Original {
  readonly network: Network;
  readonly said: string;
}

let made: Promise<Original> | undefined;
const original = async (): Promise<Original> => await (made ??= makeOriginal());

async function makeOriginal(): Promise<Original> {
  await using own = await machine();
  build(own);
  await settled(own);
  return { network: await capture(own), said: said(own) };
}

describe.skipIf(reason !== undefined)('in namespaces', () => {
  test('a network with nothing there: made, compared, and made again without anything to do', async () => {
    const { network, said: before } = await original();
    await using other = await machine();
    const plan = planLive({ wanted: network, found: await capture(other) });
    expect(await applyLive(plan, { ...plainly, host: other.host }, signal)).toEqual([]);
    expect(said(other)).toBe(before);
    const again = planLive({ wanted: network, found: await capture(other) });
    expect(again.actions.map(({ id }) => id)).toEqual([]);
    expect(again.loses).toEqual([]);
  });

  test('killed after every single command, and gone on with each time', async () => {
    const { network, said: before } = await original();
    await using other = await machine();
    const plan = planLive({ wanted: network, found: await capture(other) });
    const done = new Set<string>();
    const [begun, ended] = [new Set<string>(), new Set<string>()];
    const host: Host = {
      ...other.host,
      run: async (argv, options, inner) => {
        const result = await other.host.run(argv, options, inner);
        const key = argv.join(' ');
        if (!/^(?:ip (?:-[46] )?(?:link|address|route|rule|neighbour|tuntap) \w|sysctl|tee)/.test(key) || done.has(key))
          return result;
        if (argv.includes('show')) return result;
        done.add(key);
        throw new LifeboatError('failed', 'killed');
      },
    };
    const progress: Application['progress'] = {
      begun,
      ended,
      begin: async (id) => void begun.add(id),
      end: async (id) => void ended.add(id),
    };
    let deaths = 0;
    for (;;) {
      try {
        expect(await applyLive(plan, { host, progress, say: () => {} }, signal)).toEqual([]);
        break;
      } catch (error) {
        if (!(error instanceof LifeboatError) || !error.message.endsWith('killed')) throw error;
        deaths += 1;
      }
    }
    expect(deaths).toBeGreaterThanOrEqual(plan.actions.length);
    expect(said(other)).toBe(before);
  });

  test('cards that exchange their names, with what is on them now, and a machine that changed meanwhile', async () => {
    const { network, said: before } = await cards([
      'ip addr add 192.0.2.1/24 dev eth0',
      'ip link set eth0 mtu 1400',
      'ip link set eth0 up',
      'ip link add br0 type bridge',
      'ip link set eth1 master br0',
      'ip link set br0 up',
      'ip link set eth1 up',
      'ip addr add 198.51.100.1/24 dev br0',
      'ip addr add 2001:db8::1/64 dev br0',
      'ip route add default via 192.0.2.254',
      'ip route add 10.0.0.0/8 via 198.51.100.2 src 198.51.100.1',
      'ip -6 route add 2001:db8:9::/48 via 2001:db8::9 src 2001:db8::1',
    ]);
    await using other = await cardsMachine([
      'ip addr add 203.0.113.1/24 dev eth0',
      'ip link set eth0 up',
      'ip route add default via 203.0.113.2',
      'ip link add other0 type bridge',
      'ip link set eth1 master other0',
      'ip rule add from 203.0.113.1 table 9 priority 50',
    ]);
    const named = new Map([
      ['eth0', 'eth1'],
      ['eth1', 'eth0'],
    ]);
    const found = await capture(other);
    const plan = planLive({ wanted: network, found, named });
    expect(plan.cards).toMatchObject([
      { was: 'eth0', now: 'eth1', name: 'eth0', certainty: 'named' },
      { was: 'eth1', now: 'eth0', name: 'eth1', certainty: 'named' },
    ]);
    expect(plan.loses.map(({ link, what }) => `${link}: ${what}`)).toEqual([
      'eth1: its place in other0',
      'eth0: 203.0.113.1/24',
      'eth1: the route default via 203.0.113.2 dev eth1',
      ': the rule 50: from 203.0.113.1 table 9',
    ]);
    expect(plan.untouched).toMatchObject([expect.stringContaining('link other0  bridge')]);

    other.run('ip addr add 203.0.113.9/32 dev eth0');
    await expect(applyLive(plan, { ...plainly, host: other.host }, signal)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('203.0.113.9/32'),
    });
    other.run('ip addr del 203.0.113.9/32 dev eth0');
    await expect(applyLive(plan, { ...plainly, host: other.host }, signal)).resolves.toEqual([]);
    expect(said(other)).toBe(before);
  });

  test('what is refused: another network than the plan saw, actions that do not follow from it, a card that is gone', async () => {
    await using own = await machine();
    build(own);
    await settled(own);
    const wanted = await capture(own);
    await using other = await machine();
    const plan = planLive({ wanted, found: await capture(other) });
    const edited = { ...plan, actions: plan.actions.slice(1) };
    await expect(applyLive(edited, { ...plainly, host: other.host }, signal)).rejects.toMatchObject({
      code: 'refused',
    });
    other.run('ip link add veth0 type ifb');
    await expect(applyLive(plan, { ...plainly, host: other.host }, signal)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('link veth0'),
    });
    const gone = {
      ...wanted,
      links: wanted.links.map((link) => (link.name === 'veth2' ? { ...link, kind: 'hsr' } : link)),
    };
    expect(() => planLive({ wanted: gone, found: wanted })).toThrow(/cannot be made as it was: link veth2/);
    expect(planLive({ wanted: gone, found: wanted, exclude: new Set(['veth2']) }).notes).toContain(
      'left out, as told: veth2',
    );
  });
});

/** A machine with two cards: their other ends are elsewhere. */
async function cardsMachine(lines: readonly string[]): Promise<Machine> {
  const own = await machine();
  for (const name of ['eth0', 'eth1']) {
    own.run(`ip link add ${name} type veth peer name peer`);
    own.run(`ip netns add ${name}`);
    own.run(`ip link set peer netns ${name}`);
    own.run(`ip -n ${name} link set peer up`);
  }
  for (const line of lines) {
    // A route may not lead from an address that is still being tried.
    if (line.includes(' src ')) await settled(own);
    own.run(line);
  }
  return own;
}

async function cards(lines: readonly string[]) {
  await using own = await cardsMachine(lines);
  return { network: await capture(own), said: said(own) };
}
