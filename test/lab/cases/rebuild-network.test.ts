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
  const plan = parseNetworkPlan(JSON.parse(JSON.stringify(planLive({ wanted, found }))));
  if (plan.outcome !== 'live') throw new Error('a plan for live links');
  expect(new Set(plan.cards.map(({ certainty }) => certainty))).toEqual(new Set(['likely']));
  const changes = await applyLive(plan, { ...plainly, host: lab.host }, signal);
  expect(changes.map(({ text }) => text)).toEqual([]);
  expect(plan.notes.map((note) => note.split(':', 1)[0])).toEqual([
    'bond0.12',
    'wg0',
    'ms0',
    'the route 10.12.0.0/16 dev vx2 scope link encap ip',
  ]);
  expect(comparable(await networkWitness(lab.host, signal))).toEqual(comparable(said));
});

async function original(release: Release) {
  await using lab = await networkLab(release, signal);
  return { network: await captureNetwork(lab.host, now, signal), said: await networkWitness(lab.host, signal) };
}

/** Without what is another on each machine: MACs, keys, what follows from them, and what plans leave out by name. */
function comparable(said: Said): unknown {
  const left = /fe80::|10\.12\.0\.0\/16|198\.51\.101\./;
  return JSON.parse(
    JSON.stringify(said, (key, value: unknown) => {
      if (key === 'mac' || key === 'publicKey') return undefined;
      return Array.isArray(value) ? value.filter((one) => typeof one !== 'string' || !left.test(one)) : value;
    }),
  );
}
