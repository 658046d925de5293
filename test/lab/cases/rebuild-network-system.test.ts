/** A whole system with systemd-networkd gets other cards: its own files, made to fit them, bring its network up when it starts. */
import { expect, test } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { sleep } from '../../../src/kernel/wait.ts';
import { captureNetwork } from '../../../src/network/capture.ts';
import { applyWritten } from '../../../src/network/rebuild/written/apply.ts';
import { filesBelow } from '../../../src/network/rebuild/written/files.ts';
import { givenNames } from '../../../src/network/rebuild/written/given-names.ts';
import { planWritten } from '../../../src/network/rebuild/written/plan.ts';
import type { Network } from '../../../src/network/types.ts';
import type { NetworkCard } from '../../../src/qemu/spec.ts';
import { rebooted, startSystem } from '../system.ts';
import { whyNoNamespaces } from '../system/namespaces.ts';

const { signal } = new AbortController();
const why = await whyNoNamespaces(signal);
if (why !== undefined) console.log(`${import.meta.filename}: left out, as ${why}`);
const now = new Date('2026-11-21T12:00:00Z');

const card = (number: string, model: NetworkCard['model']): NetworkCard => ({
  network: { kind: 'segment', number: 0 },
  mac: `52:54:00:00:02:${number}`,
  ...(model === undefined ? {} : { model }),
});

/** One that is matched by name, with a VLAN on it, and one that a file for links calls `lan0`. */
const files = (uplink: string): Readonly<Record<string, string>> => ({
  '10-uplink.network': `[Match]\nName=${uplink}\n[Network]\nAddress=192.0.2.10/24\nGateway=192.0.2.1\nVLAN=${uplink}.7\n`,
  '20-vlan.netdev': `[NetDev]\nName=${uplink}.7\nKind=vlan\n[VLAN]\nId=7\n`,
  '20-vlan.network': `[Match]\nName=${uplink}.7\n[Network]\nAddress=198.51.100.1/24\n`,
  '05-lan.link': '[Match]\nMACAddress=52:54:00:00:02:02\n[Link]\nName=lan0\n',
  '10-lan.network': '[Match]\nMACAddress=52:54:00:00:02:02\n[Network]\nAddress=10.0.0.1/24\n',
});

test.skipIf(why !== undefined)('systemd-networkd', { timeout: 1_800_000 }, async () => {
  const { wanted, said, written } = await original();
  await using lab = await startSystem(
    { cold: true, cards: [card('11', 'e1000e'), card('12', 'virtio'), card('13', 'virtio')] },
    signal,
  );
  await booted(lab.host);
  const found = await captureNetwork(lab.host, now, signal);
  const nameOf = (mac: string): string => found.links.find(({ permanentMac }) => permanentMac === mac)?.name ?? '';
  const [uplink, lan] = [nameOf('52:54:00:00:02:13'), nameOf('52:54:00:00:02:11')];
  const [old] = wanted.links.flatMap(({ name, permanentMac }) => (permanentMac === '52:54:00:00:02:01' ? [name] : []));
  expect([old, uplink, lan]).not.toContain('');
  expect(uplink).not.toBe(old);
  for (const [name, content] of Object.entries(written)) await write(lab.host, name, content);
  const plan = planWritten({
    wanted,
    found,
    named: new Map([
      [old ?? '', uplink],
      ['lan0', lan],
    ]),
    root: '/',
    files: await filesBelow(lab.host, '/', signal),
    given: await givenNames(found, lab.host, signal),
  });
  expect(plan.cards.map(({ was, name }) => `${was} ${name}`).toSorted()).toEqual(
    [`${old} ${uplink}`, 'lan0 lan0'].toSorted(),
  );
  await applyWritten(plan, lab.host, () => {}, signal);
  await run(lab.host, 'systemctl enable systemd-networkd');
  await using host = await rebooted(lab, signal);
  expect(await addresses(host, 3)).toEqual(said.map((line) => line.replaceAll(old ?? '', uplink)));
  const macs = await run(host, 'ip -br link show; ip route show default');
  expect(macs).toMatch(new RegExp(`^${uplink} .* 52:54:00:00:02:13`, 'm'));
  expect(macs).toMatch(/^lan0 .* 52:54:00:00:02:11/m);
  expect(macs).toContain(`default via 192.0.2.1 dev ${uplink} proto static`);
});

async function original(): Promise<{ wanted: Network; said: readonly string[]; written: Record<string, string> }> {
  await using lab = await startSystem({ cold: true, cards: [card('01', 'virtio'), card('02', 'virtio')] }, signal);
  await booted(lab.host);
  const uplink = (await run(lab.host, 'ip -br link show | awk \'$3 == "52:54:00:00:02:01" { print $1 }\'')).trim();
  const written = files(uplink);
  for (const [name, content] of Object.entries(written)) await write(lab.host, name, content);
  await run(lab.host, 'udevadm control --reload; udevadm trigger --action=add --subsystem-match=net');
  await until(lab.host, 'ip link show lan0');
  await run(lab.host, 'systemctl start systemd-networkd');
  const said = await addresses(lab.host, 3);
  expect(said.join()).toContain('lan0 10.0.0.1/24');
  return { wanted: await captureNetwork(lab.host, now, signal), said, written };
}

const write = async (host: Host, name: string, content: string): Promise<void> =>
  await host.write(`/etc/systemd/network/${name}`, Buffer.from(content), { mode: 0o644 }, signal);

async function run(host: Host, script: string): Promise<string> {
  return (await host.run(['sh', '-ec', script], { timeoutMs: 300_000 }, signal)).stdout.toString();
}

/** The agent answers before all else has started; that something of it failed on a slow machine is none of our business. */
async function booted(host: Host): Promise<void> {
  await run(host, 'systemctl is-system-running --wait || true');
}

async function until(host: Host, command: string): Promise<void> {
  await run(host, `until ${command} > /dev/null 2>&1; do sleep 1; done`);
}

/** Of IPv4, as soon as there are so many. */
async function addresses(host: Host, count: number): Promise<readonly string[]> {
  for (let tries = 0; ; tries += 1) {
    const text = await run(host, "ip -br -4 address show scope global | awk '{ print $1, $3 }' | sed 's/@[^ ]*//'");
    const lines = text.trim().split('\n').toSorted();
    if (lines.length === count) return lines;
    if (tries === 120) throw new Error(`networkd did not set ${count} addresses:\n${text}`);
    await sleep(1000, signal);
  }
}
