/** A network that is made anew in another machine of namespaces, by an application that may be killed after any of its commands. */
import { expect } from 'vitest';
import type { Host } from '../../src/host/host.ts';
import { LifeboatError } from '../../src/kernel/errors.ts';
import { type Application, applyLive } from '../../src/network/rebuild/apply.ts';
import type { LivePlan } from '../../src/network/rebuild/document.ts';
import type { Network } from '../../src/network/types.ts';
import { type Machine, machine } from './machine.ts';
import { build, capture, settled } from './scene.ts';

const { signal } = new AbortController();

/** What the plain tools say, without what is another in each machine. */
export const said = ({ run }: Machine): string =>
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

/** The network of the scene, and what the plain tools say of it. */
export async function original(): Promise<Original> {
  await using own = await machine();
  build(own);
  await settled(own);
  return { network: await capture(own), said: said(own) };
}

const changes = /^(?:ip (?:-[46] )?(?:link|address|route|rule|neighbour|tuntap) (?!show)\w|sysctl|tee)/;

/**
 * Carries the plan out, and goes on with it after each death.
 *
 * @param isKilled asked once of each command that changes something, after it
 * @returns how often it was killed
 */
export async function appliedWithKills(
  plan: LivePlan,
  { host: own }: Machine,
  isKilled: () => boolean,
): Promise<number> {
  const done = new Set<string>();
  const host: Host = {
    ...own,
    run: async (argv, options, inner) => {
      const result = await own.run(argv, options, inner);
      const key = argv.join(' ');
      if (!changes.test(key) || done.has(key)) return result;
      done.add(key);
      if (isKilled()) throw new LifeboatError('failed', 'killed');
      return result;
    },
  };
  const [begun, ended] = [new Set<string>(), new Set<string>()];
  const progress: Application['progress'] = {
    begun,
    ended,
    begin: async (id) => void begun.add(id),
    end: async (id) => void ended.add(id),
  };
  for (let deaths = 0; ; deaths += 1) {
    try {
      expect(await applyLive(plan, { host, progress, say: () => {} }, signal)).toEqual([]);
      return deaths;
    } catch (error) {
      if (!(error instanceof LifeboatError) || !error.message.endsWith('killed')) throw error;
    }
  }
}
