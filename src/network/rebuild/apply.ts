/** Carries a plan for live links out: checks that all is as the plan saw it, does what it says, and proves the result by capturing it. */
import type { Host } from '../../host/host.ts';
import type { Change } from '../../kernel/change.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { sleep } from '../../kernel/wait.ts';
import type { Action } from '../../plan/action.ts';
import { digestOf } from '../../plan/digest.ts';
import { execute, type Locate, type Progress } from '../../plan/execute.ts';
import { asker } from '../../host/asker.ts';
import { captureNetwork } from '../capture.ts';
import { networkChanges } from '../diff.ts';
import { withHardware } from '../hardware.ts';
import { captureLinks } from '../links.ts';
import { subjects } from '../subjects.ts';
import type { Link, Network } from '../types.ts';
import { networkActions } from './actions.ts';
import { idOf, isCard } from './cards.ts';
import type { LivePlan } from './document.ts';
import { madeName } from './expected.ts';
import { readyForRoutes } from './rest.ts';

export interface Application {
  readonly host: Host;
  /** Of this plan since the machine was started: what was done is gone with the next start. */
  readonly progress: Progress;
  readonly say: (action: Action) => void;
}

/**
 * @returns what is not as the plan said
 * @throws LifeboatError `refused` before the first command, where the network is not what the plan saw; of the command that failed
 */
export async function applyLive(
  plan: LivePlan,
  application: Application,
  signal: AbortSignal,
): Promise<readonly Change[]> {
  const { host, progress } = application;
  refuseOthers(plan);
  if (progress.begun.size === 0) refuseChanged(plan, await captureNetwork(host, new Date(), signal));
  await execute(
    plan.actions,
    {
      ...application,
      locate: async (inner) => locateIn(await linksNow(host, inner)),
      check: async (what, inner) => {
        if (what === readyForRoutes) await addressesTried(host, inner);
      },
      given: async (name) => await Promise.reject(new LifeboatError('bug', `a network has no use for ${name}`)),
    },
    signal,
  );
  await addressesTried(host, signal);
  return appliedChanges(plan, await captureNetwork(host, new Date(), signal));
}

/** What a plan does follows from what it says: who edits one may change the network in it, and has the actions made anew. */
function refuseOthers({ before, network, cards, actions }: LivePlan): void {
  if (digestOf(networkActions(before, network, cards)) === digestOf(actions)) return;
  throw new LifeboatError('refused', 'the actions of this plan are not those that follow from its networks', {
    hint: 'Make the plan again with "lifeboat network plan"; one that was edited by hand is not carried out.',
  });
}

function refuseChanged({ before, cards }: LivePlan, found: Network): void {
  const names = new Set(cards.map(({ now }) => now));
  const changes = networkChanges(comparable(before, names), comparable(found, names));
  if (changes.length === 0) return;
  throw new LifeboatError('refused', `the network is not as it was when the plan was made: ${textOf(changes)}`, {
    hint: 'Make the plan again, and look what it would change now.',
  });
}

async function linksNow(host: Host, signal: AbortSignal): Promise<readonly Link[]> {
  const questions = asker(host, signal);
  return await withHardware(questions, await captureLinks(questions));
}

const locateIn =
  (links: readonly Link[]): Locate =>
  async (id) => {
    const found = links.filter((link) => idOf(link) === id);
    const [only, ...others] = found;
    if (only !== undefined && others.length === 0) return only.name;
    throw new LifeboatError(
      'not-found',
      `the card ${id} is ${only === undefined ? 'not there any more' : 'there more than once'}`,
      {
        hint: 'Plug it in again, or make another plan.',
      },
    );
  };

const tries = 150;

/** The kernel asks the neighbours whether somebody has an address of IPv6 already: until then no route may lead from there. */
async function addressesTried(host: Host, signal: AbortSignal): Promise<void> {
  for (let count = 0; count < tries; count += 1) {
    const { stdout } = await host.run(['ip', '-6', '-o', 'address', 'show', 'tentative'], {}, signal);
    // On a link without a carrier nobody is asked, for as long as that is so.
    const trying = stdout
      .toString()
      .split('\n')
      .filter((line) => line !== '' && !line.includes('dadfailed'));
    if (trying.length === 0 || (count > 30 && (await areWithoutCarrier(host, trying, signal)))) return;
    await sleep(100, signal);
  }
}

async function areWithoutCarrier(host: Host, lines: readonly string[], signal: AbortSignal): Promise<boolean> {
  const { stdout } = await host.run(['ip', '-o', 'link', 'show', 'up'], {}, signal);
  const off = new Set([...stdout.toString().matchAll(/^\d+: ([^:@]+)\S* <[^>]*NO-CARRIER/gm)].map(([, name]) => name));
  return lines.every((line) => off.has(/^\d+: (\S+)/.exec(line)?.[1] ?? ''));
}

/** What is not as the plan said, of all that it makes. */
export function appliedChanges({ network, cards }: LivePlan, after: Network): readonly Change[] {
  const names = new Set(network.links.map(({ name }) => name));
  const isMine = (dev: string | undefined): boolean => dev === undefined || names.has(dev);
  const missing = after.gaps.filter(({ subject }) =>
    [subjects.links, ...Object.values(subjects.routes)].some((one) => one === subject),
  );
  if (missing[0] !== undefined)
    throw new LifeboatError('failed', `what came of it could not be seen: ${missing[0].problem}`);
  const own = {
    ...after,
    links: after.links.filter(({ name }) => names.has(name)),
    routes: after.routes.filter(({ dev }) => isMine(dev)),
    neighbours: (after.neighbours ?? []).filter(({ dev }) => isMine(dev)),
  };
  const taken = new Set(cards.map(({ name }) => name));
  return networkChanges(unsecret(comparable(network, taken)), unsecret(comparable(own, taken)));
}

/**
 * Without what configures the network, which no plan for live links touches. What the plan takes for a card is one, also where it is
 * the end of a pair.
 */
function comparable(network: Network, cards: ReadonlySet<string>): Network {
  const { format, capturedAt, links, routes, rules, neighbours, dns, sysctls, gaps } = network;
  return {
    format,
    capturedAt,
    hostname: '',
    links: links.map((link) => {
      const { elsewhere: _, ...own } = link;
      return isCard(link) ? withoutMadeNames(link) : cards.has(link.name) ? own : link;
    }),
    routes,
    dns,
    gaps,
    ...(rules === undefined ? {} : { rules }),
    ...(neighbours === undefined ? {} : { neighbours }),
    ...(sysctls === undefined ? {} : { sysctls: sysctls.filter(({ key }) => key.startsWith('net.')) }),
  };
}

/** Other names that udev gives a card are its own affair. */
function withoutMadeNames({ alternativeNames = [], ...link }: Link): Link {
  const names = alternativeNames.filter((name) => !madeName.test(name));
  return names.length === 0 ? link : { ...link, alternativeNames: names };
}

/** A public key follows from a private one, which no plan has. */
const unsecret = (network: Network): Network => ({
  ...network,
  links: network.links.map((link) => {
    if (link.detail?.kind !== 'wireguard') return link;
    const { publicKey: _key, ...detail } = link.detail;
    return { ...link, detail };
  }),
});

const textOf = (changes: readonly Change[]): string =>
  changes
    .slice(0, 3)
    .map(({ text }) => text)
    .join('; ');
