/** The network of the rescue system: as captured on whichever cards are there, as the loader told, by DHCP, or none; never in the way. */
import { expect, test } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { captureNetwork } from '../../../src/network/capture.ts';
import { type Network, parseNetwork } from '../../../src/network/types.ts';
import type { NetworkCard } from '../../../src/qemu/spec.ts';
import { bringUpNetwork } from '../../../src/rescue/network.ts';
import { ofToday } from '../../helpers/suite.ts';
import { startLab } from '../lab.ts';
import { rescueMedium, startRescue } from '../rescue.ts';

const timeout = 3_600_000;

const wire = { kind: 'segment', number: 0 } as const;
const pair: readonly NetworkCard[] = [
  { network: wire, mac: '52:54:00:00:0a:01' },
  { network: wire, mac: '52:54:00:00:0a:02', model: 'e1000e' },
];

/** On two cards as they are called here, in the order of the machine. */
const vlanOnBond = `
ip link add bond0 type bond mode active-backup miimon 100
for card in $CARDS; do ip link set "$card" down; ip link set "$card" master bond0; ip link set "$card" up; done
ip link set bond0 up
ip link add link bond0 name bond0.10 type vlan id 10
ip link set bond0.10 up
ip address add 192.0.2.5/24 dev bond0.10
ip route add default via 192.0.2.1
`;

const onlyV6 = `
set -- $CARDS
ip link set "$1" up
ip address add 2001:db8::5/64 dev "$1" nodad
ip -6 route add default via 2001:db8::1 dev "$1"
`;

const scenes: Readonly<Record<string, (signal: AbortSignal) => Promise<void>>> = {
  'a VLAN on a bond comes up on cards with other MACs': async (signal) => {
    const network = await original(pair, vlanOnBond, signal);
    const cards = pair.map((card, index) => ({ ...card, mac: `52:54:00:00:0b:0${index + 1}` }));
    await inRescue({ network, cards }, signal, async (host) => {
      expect(await told(host, signal)).toMatch(/^as it was captured$[^]*takes the place of/m);
      expect(await said(host, 'ip -brief address show bond0.10', signal)).toMatch(
        /^bond0\.10@bond0 +UP +192\.0\.2\.5\/24/,
      );
      expect(await said(host, 'grep -c "^Slave Interface" /proc/net/bonding/bond0', signal)).toBe('2\n');
      expect(await said(host, 'ip route show default', signal)).toMatch(/^default via 192\.0\.2\.1 dev bond0\.10/);
    });
  },
  'an address of IPv6 alone is enough, and nobody waits for DHCP': async (signal) => {
    const network = await original(pair.slice(0, 1), onlyV6, signal);
    await inRescue({ network, cards: pair }, signal, async (host) => {
      expect(await told(host, signal)).toBe('as it was captured\n');
      expect(await said(host, 'ip -brief -6 address show scope global', signal)).toMatch(/ 2001:db8::5\/64/);
      expect(await said(host, 'ip -6 route show default', signal)).toMatch(/^default via 2001:db8::1/);
    });
  },
  'without a card there is no network, and all the rest': async (signal) => {
    await inRescue({ cards: [] }, signal, async (host) => {
      expect(await told(host, signal)).toBe('there is no network card\n');
    });
  },
  'what the loader told counts before what was captured': async (signal) => {
    const network = await original(pair, vlanOnBond, signal);
    const words = ['ip=198.51.100.7', 'nm=255.255.255.128', 'gw=198.51.100.1', 'lifeboat.consent=ask'];
    await inRescue({ network, words, cards: pair }, signal, async (host) => {
      expect(await told(host, signal)).toMatch(/ has 198\.51\.100\.7\/25, as the loader told\n$/);
      expect(await said(host, 'ip route show default', signal)).toMatch(/^default via 198\.51\.100\.1 /);
      expect(await said(host, 'cat /run/lifeboat/words', signal)).toBe(
        'Told by the loader: consent ask, address 198.51.100.7/25\n',
      );
    });
  },
  'a bond does without a card that is gone': async (signal) => {
    const network = await original(pair, vlanOnBond, signal);
    await using lab = await startLab({ release: 'debian13', cards: pair.slice(1) }, signal);
    const lines = await bringUpNetwork(lab.host, network, {}, signal);
    expect(lines.join('\n')).toMatch(/^as it was captured\n[^]*left out, as this machine has nothing for it: \w+$/);
    expect(await said(lab.host, 'ip -brief address show bond0.10', signal)).toMatch(/192\.0\.2\.5\/24/);
  },
  'where nothing was captured an address comes by DHCP': async (signal) => {
    await inRescue({ cards: [{ network: { kind: 'user' } }] }, signal, async (host) => {
      expect(await told(host, signal)).toMatch(/^\w+ has 10\.0\.2\.\d+ by DHCP\n$/);
      expect(await said(host, 'ip -brief -4 address show scope global', signal)).toMatch(/ 10\.0\.2\.\d+\/24/);
    });
  },
};

test.each(ofToday(Object.entries(scenes), new Date()))('%s', { timeout }, async (_, scene) => {
  await scene(new AbortController().signal);
});

/** The network of a machine that was set up by hand. */
async function original(cards: readonly NetworkCard[], script: string, signal: AbortSignal): Promise<Network> {
  await using lab = await startLab({ release: 'debian13', cards }, signal);
  const names = await said(lab.host, 'cd /sys/class/net; for c in *; do [ ! -e $c/device ] || echo $c; done', signal);
  const env = { CARDS: names.trim().split('\n').join(' ') };
  await lab.host.run(['bash', '-ec', script], { env }, signal);
  return parseNetwork(await captureNetwork(lab.host, new Date('2026-11-21T12:00:00Z'), signal));
}

interface Start {
  readonly network?: Network;
  readonly words?: readonly string[];
  readonly cards: readonly NetworkCard[];
}

async function inRescue(
  { network, words = [], cards }: Start,
  signal: AbortSignal,
  look: (host: Host) => Promise<void>,
): Promise<void> {
  const path = '/etc/lifeboat/captured/network.json';
  const files = network === undefined ? [] : [{ path, content: JSON.stringify(network) }];
  const { file } = await rescueMedium({ files, words });
  await using rescue = await startRescue(file, { cards }, signal);
  await rescue.menu(signal);
  await using host = await rescue.host(signal);
  await look(host);
}

/** What the menu tells of it, when it is done. */
async function told(host: Host, signal: AbortSignal): Promise<string> {
  const wait = 'until [ -e /run/lifeboat/ready ]; do sleep 1; done; cat /run/lifeboat/network';
  return await said(host, wait, signal);
}

async function said(host: Host, script: string, signal: AbortSignal): Promise<string> {
  const argv = ['bash', '-c', `export PATH=/usr/sbin:/usr/bin; ${script}`] as const;
  return (await host.run(argv, { timeoutMs: 900_000 }, signal)).stdout.toString();
}
