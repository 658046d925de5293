/** A network is made anew in another machine: all that the plain tools say is the same, whoever is killed on the way. */
import { describe, expect, test } from 'vitest';
import type { Host } from '../../src/host/host.ts';
import { type Application, applyLive } from '../../src/network/rebuild/apply.ts';
import { planLive } from '../../src/network/rebuild/plan.ts';
import { random, seed } from '../helpers/moments.ts';
import { type Machine, machine, noMachine } from './machine.ts';
import { appliedWithKills, original, said } from './rebuilding.ts';
import { capture, settled } from './scene.ts';

const reason = noMachine();
if (reason !== undefined) console.log(`network namespaces: skipped: ${reason}`);
const { signal } = new AbortController();

/** Of an attempt of which nothing is remembered. */
const plainly: Omit<Application, 'host'> = {
  progress: { begun: new Set(), ended: new Set(), begin: async () => {}, end: async () => {} },
  say: () => {},
};

describe.skipIf(reason !== undefined)('in namespaces', () => {
  test('a network with nothing there: what is refused; made, killed now and then; and made again without anything to do', async () => {
    const { network, said: before } = await original();
    await using other = await machine();
    const plan = planLive({ wanted: network, found: await capture(other) });
    const edited = { ...plan, actions: plan.actions.slice(1) };
    await expect(applyLive(edited, { ...plainly, host: other.host }, signal)).rejects.toMatchObject({
      code: 'refused',
    });
    other.run('ip link add veth0 type ifb');
    await expect(applyLive(plan, { ...plainly, host: other.host }, signal)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('link veth0'),
    });
    other.run('ip link delete veth0');
    const next = random(seed);
    const deaths = await appliedWithKills(plan, other, () => next() < 0.1);
    console.log(`seed ${seed}: ${deaths} deaths`);
    expect(said(other)).toBe(before);
    const again = planLive({ wanted: network, found: await capture(other) });
    expect(again.actions.map(({ id }) => id)).toEqual([]);
    expect(again.loses).toEqual([]);
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

    // One gets the name of another that gets a third, which is also another name of the first.
    for (const line of ['set eth1 down', 'set eth1 name x', 'property add dev x altname eth1'])
      other.run(`ip link ${line}`);
    const moved = new Map([
      ['eth0', 'x'],
      ['eth1', 'eth0'],
    ]);
    const next = planLive({ wanted: network, found: await capture(other), named: moved });
    await expect(applyLive(next, { ...plainly, host: other.host }, signal)).resolves.toEqual([]);
    expect(said(other)).toBe(before);
  });

  test('a link that a module made by itself when the first of its kind was made', async () => {
    await using other = await machine();
    other.run('ip link add ifb0 type ifb');
    const wanted = await capture(other);
    other.run('ip link delete ifb0');
    const plan = planLive({ wanted, found: await capture(other) });
    let isLoaded = false;
    const host: Host = {
      ...other.host,
      run: async (argv, options, inner) => {
        if (!isLoaded && argv.includes('ifb0')) other.run('ip link add ifb0 type ifb');
        isLoaded ||= argv.includes('ifb0');
        return await other.host.run(argv, options, inner);
      },
    };
    expect(await applyLive(plan, { ...plainly, host }, signal)).toEqual([]);
    expect(isLoaded).toBe(true);
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
