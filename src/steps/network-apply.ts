/** Steps that carry a plan for the network out. */
import { join } from 'node:path';
import { hostIdentity } from '../host/identity.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { applyLive } from '../network/rebuild/apply.ts';
import { type NetworkPlan, networkPlanDigest, networkPlanSubject } from '../network/rebuild/document.ts';
import { applyWritten } from '../network/rebuild/written/apply.ts';
import { openProgress } from '../plan/progress.ts';
import { agree, type Destruction } from './consent.ts';
import { step } from './define.ts';

export const agreeToNetwork = step({
  id: 'agree',
  title: 'Agree to what the plan changes',
  needs: ['networkPlan', 'networkRequest'],
  gives: ['agreedNetwork'],
  timeout: '24h',
  run: async ({ state: { networkPlan, networkRequest }, ask, signal }) => {
    await agree(networkDestruction(networkPlan), { yes: networkRequest.yes, ask }, signal);
    return { agreedNetwork: networkPlanDigest(networkPlan) };
  },
});

export const changeNetwork = step({
  id: 'network',
  title: 'Bring the network to the cards as the plan says, and compare',
  needs: ['networkPlan', 'agreedNetwork', 'stateDir'],
  gives: ['networked'],
  destructive: true,
  timeout: '1h',
  run: async ({ state: { networkPlan, agreedNetwork, stateDir }, host, say, signal }) => {
    const total = networkPlan.outcome === 'live' ? networkPlan.actions.length : networkPlan.files.length;
    let done = 0;
    const tell = (text: string): void => {
      say({ type: 'note', text });
      say({ type: 'progress', done: done++, total, unit: 'items' });
    };
    if (networkPlan.outcome === 'written') {
      await applyWritten(networkPlan, host, tell, signal);
      return { networked: { outcome: 'written', done: total } };
    }
    // With the next start, all that was done is gone.
    const { bootId = '' } = await hostIdentity(host, signal);
    await using progress = await openProgress(join(stateDir, 'plans', `${agreedNetwork}.${bootId}.jsonl`), bootId);
    done = progress.ended.size;
    const changes = await applyLive(networkPlan, { host, progress, say: ({ title }) => tell(title) }, signal);
    if (changes.length > 0) {
      const texts = changes.map(({ text }) => text).join('; ');
      throw new LifeboatError('failed', `the network is not as the plan said: ${texts}`, {
        hint: 'Look at it with "lifeboat network show"; a new plan names what is left to do.',
      });
    }
    return { networked: { outcome: 'live', done: total } };
  },
});

/** What a person agrees to: each link and file that will be another. */
export function networkDestruction(plan: NetworkPlan): Destruction {
  const identity = networkPlanSubject(plan);
  if (plan.outcome === 'written') {
    const items = plan.files.map(({ path, lines }) => ({ name: path, state: `${lines.length} lines` }));
    return { deed: `rewrite the configuration below ${plan.root}`, verb: 'changed', items, identity };
  }
  const links = [...new Set(plan.actions.map(({ component }) => component))];
  const items = [
    ...plan.loses.map(({ link, what }) => ({ name: link === '' ? 'network' : link, state: `loses ${what}` })),
    ...links.map((name) => ({ name, state: 'set up as captured' })),
  ];
  return { deed: 'change the network of this host', verb: 'changed', items, identity };
}
