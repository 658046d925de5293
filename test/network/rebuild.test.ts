/** A network is made anew in another machine: all that the plain tools say is the same, whoever is killed on the way. */
import { describe, expect, test } from 'vitest';
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
    .replaceAll(/\b(?:fe80::\S+|expires \d+sec|@\S+)|^\d+: /gm, '')
    .split('\n')
    .filter((line) => !/proto (?:kernel|dhcp|bird)|198\.51\.100\.2\b|2001:db8::2\b|blue|side0|fe80/.test(line))
    .map((line) => line.trim())
    .toSorted()
    .join('\n');

async function original(): Promise<{ readonly network: Network; readonly said: string }> {
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
});
