/**
 * The network of the rescue system: as the loader told, else as it was captured, on the cards that are there; and by DHCP where neither
 * gives an address. It never stands in the way: every wait ends, and what failed is told.
 */
import type { Host } from '../host/host.ts';
import { asLifeboatError } from '../kernel/errors.ts';
import { sleep } from '../kernel/wait.ts';
import { captureNetwork } from '../network/capture.ts';
import { applyLive } from '../network/rebuild/apply.ts';
import { impossibleLinks, planLive } from '../network/rebuild/plan.ts';
import { isGiven } from '../network/rebuild/scene.ts';
import type { Network } from '../network/types.ts';
import type { RescueWords, StaticAddress } from './words.ts';

/** What a client of DHCP does with what it is given. */
const script = '/usr/lib/lifeboat-rescue/dhcp';
/** How long a card may take until it has a carrier. */
const carrierMs = 5_000;

/** @returns what a person has to know: what came up, and what did not */
export async function bringUpNetwork(
  host: Host,
  wanted: Network | undefined,
  { address }: Pick<RescueWords, 'address'>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const cards = await cardNames(host, signal);
  if (cards.length === 0) return ['there is no network card'];
  if (typeof address === 'object') return await trying(async () => await byHand(host, cards, address, signal));
  if (address === 'dhcp' || wanted === undefined) return await byDhcp(host, cards, signal);
  const told = await trying(async () => await asCaptured(host, wanted, signal));
  if (await hasAddress(host, signal)) return told;
  // They may be called otherwise since.
  const now = await cardNames(host, signal);
  return [...told, 'no address came of that, so DHCP is tried', ...(await byDhcp(host, now, signal))];
}

async function trying(work: () => Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return await work();
  } catch (error) {
    const { code, message } = asLifeboatError(error);
    if (code === 'interrupted') throw error;
    return [message];
  }
}

/** Cheaper than a capture, which is not needed for more. */
async function cardNames(host: Host, signal: AbortSignal): Promise<readonly string[]> {
  const argv = ['find', '-L', '/sys/class/net', '-mindepth', '2', '-maxdepth', '2', '-name', 'device'] as const;
  const { stdout } = await host.run(argv, { okCodes: [0, 1] }, signal);
  return [...stdout.toString().matchAll(/^\/sys\/class\/net\/([^/]+)\/device$/gm)].map(([, name = '']) => name).sort();
}

/** What cannot be had on this hardware is left out; a bond does without one of its members. */
async function asCaptured(host: Host, wanted: Network, signal: AbortSignal): Promise<readonly string[]> {
  const found = await captureNetwork(host, new Date(), signal);
  const exclude = impossibleLinks({ wanted, found });
  const plan = planLive({ wanted, found, exclude });
  const progress = { begun: new Set<string>(), ended: new Set<string>(), begin: async () => {}, end: async () => {} };
  const changes = await applyLive(plan, { host, progress, say: () => {} }, signal);
  const given = plan.network.links.filter(isGiven).map(({ name }) => name);
  return [
    'as it was captured',
    ...plan.cards.flatMap(({ now, was, certainty, reasons }) =>
      certainty === 'same' ? [] : [`${now} takes the place of ${was}: ${reasons.join(', ')}`],
    ),
    ...(exclude.size === 0 ? [] : [`left out, as this machine has nothing for it: ${[...exclude].join(', ')}`]),
    ...changes.map(({ text }) => text),
    ...(await byDhcp(host, given, signal)),
  ];
}

async function byHand(
  host: Host,
  cards: readonly string[],
  { address, gateway, device, servers }: StaticAddress,
  signal: AbortSignal,
): Promise<readonly string[]> {
  for (const card of cards) await ip(host, ['link', 'set', card, 'up'], signal);
  const card = device ?? (await firstCarrier(host, cards, signal));
  if (card === undefined) return ['no card has a carrier'];
  await ip(host, ['address', 'replace', address, 'dev', card], signal);
  if (gateway !== undefined) await ip(host, ['route', 'replace', 'default', 'via', gateway, 'dev', card], signal);
  if (servers.length > 0) {
    const lines = servers.map((server) => `nameserver ${server}\n`).join('');
    await host.write('/etc/resolv.conf', Buffer.from(lines), { mode: 0o644 }, signal);
  }
  return [`${card} has ${address}, as the loader told`];
}

async function firstCarrier(host: Host, cards: readonly string[], signal: AbortSignal): Promise<string | undefined> {
  for (const end = performance.now() + carrierMs; performance.now() < end; await sleep(200, signal)) {
    for (const card of cards) {
      const { stdout } = await host.run(['cat', `/sys/class/net/${card}/carrier`], { okCodes: [0, 1] }, signal);
      if (stdout.toString().trim() === '1') return card;
    }
  }
  return undefined;
}

/** On all of them at once; a client that has got nothing in time goes on in the background. */
async function byDhcp(host: Host, links: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  return await Promise.all(
    links.map(async (link) => {
      await ip(host, ['link', 'set', link, 'up'], signal);
      const argv = ['busybox', 'udhcpc', '-i', link, '-b', '-t', '5', '-T', '3', '-s', script] as const;
      const { stdout, stderr } = await host.run(argv, { timeoutMs: 30_000 }, signal);
      const [, lease] = /lease of (\S+) obtained/.exec(`${stdout.toString()}${stderr}`) ?? [];
      return lease === undefined ? `${link} has got no address by DHCP yet` : `${link} has ${lease} by DHCP`;
    }),
  );
}

/** Whether there is one that others can reach. */
async function hasAddress(host: Host, signal: AbortSignal): Promise<boolean> {
  const argv = ['ip', '-o', 'address', 'show', 'scope', 'global'] as const;
  return (await host.run(argv, {}, signal)).stdout.length > 0;
}

async function ip(host: Host, args: readonly string[], signal: AbortSignal): Promise<void> {
  await host.run(['ip', ...args], {}, signal);
}
