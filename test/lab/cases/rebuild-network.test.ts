/** A network of all kinds of links, made anew on other cards: what the plain tools say is the same. */
import { expect, test } from 'vitest';
import { captureNetwork } from '../../../src/network/capture.ts';
import { applyLive } from '../../../src/network/rebuild/apply.ts';
import { parseNetworkPlan } from '../../../src/network/rebuild/document.ts';
import { planLive } from '../../../src/network/rebuild/plan.ts';
import type { NetworkCard } from '../../../src/qemu/spec.ts';
import { ofToday } from '../../helpers/suite.ts';
import { type Release, releases } from '../builder.ts';
import { startLab } from '../lab.ts';
import { networkLab } from '../network-lab.ts';
import { networkWitness, type Said } from '../network-witness.ts';
import { plainly } from '../rebuild.ts';

const { signal } = new AbortController();
const now = new Date('2026-11-21T12:00:00Z');

/** Eight of other makers, with other addresses. */
const others: readonly NetworkCard[] = Array.from({ length: 8 }, (_, index) => ({
  network: { kind: 'segment', number: Math.floor(index / 2) },
  mac: `52:54:00:00:01:1${index}`,
  model: index < 5 ? 'virtio' : 'e1000e',
}));

test.each(ofToday(releases, now))('%s', { timeout: 1_800_000 }, async (release) => {
  const { network: wanted, said } = await original(release);
  await using lab = await startLab({ release, cards: others }, signal);
  const found = await captureNetwork(lab.host, now, signal);
  // Of this one ip of Debian 11 does not tell the port.
  const exclude = new Set(release === 'debian11' ? ['gn1'] : []);
  if (exclude.size > 0) expect(() => planLive({ wanted, found })).toThrow(/gn1.*port was not captured/);
  const plan = parseNetworkPlan(JSON.parse(JSON.stringify(planLive({ wanted, found, exclude }))));
  if (plan.outcome !== 'live') throw new Error('a plan for live links');
  expect(new Set(plan.cards.map(({ certainty }) => certainty))).toEqual(new Set(['likely']));
  const changes = await applyLive(plan, { ...plainly, host: lab.host }, signal);
  expect(changes.map(({ text }) => text)).toEqual([]);
  expect(plan.notes.map((note) => note.split(':', 1)[0])).toEqual([
    'bond0.12',
    'wg0',
    'ms0',
    'the route 10.12.0.0/16 dev vx2 scope link encap ip',
    ...[...exclude].map(() => 'left out, as told'),
  ]);
  expect(comparable(await networkWitness(lab.host, signal), exclude)).toEqual(comparable(said, exclude));
});

async function original(release: Release) {
  await using lab = await networkLab(release, signal);
  return { network: await captureNetwork(lab.host, now, signal), said: await networkWitness(lab.host, signal) };
}

/**
 * Without what is another on each machine: MACs, keys, what follows from them, what plans leave out by name, and routes that the kernel
 * makes or does not, depending on whether a bridge ever had a carrier; and the ageing of bridges, which the kernel makes faster for a while
 * after each change of the spanning tree.
 */
function comparable({ links, ...rest }: Said, exclude: ReadonlySet<string>): unknown {
  const left = /fe80::|multicast ff00::|10\.12\.0\.0\/16|198\.51\.101\./;
  const kept = Object.fromEntries(Object.entries(links).filter(([name]) => !exclude.has(name)));
  return JSON.parse(
    JSON.stringify({ ...rest, links: kept }, (key, value: unknown) => {
      if (['mac', 'publicKey', 'ageing_time'].includes(key)) return undefined;
      return Array.isArray(value) ? value.filter((one) => typeof one !== 'string' || !left.test(one)) : value;
    }),
  );
}
