/** What makes the recovered system start by itself on this machine, and the proof that it is what it was. */
import { finish } from '../finalize/finish.ts';
import { earlierChanges } from '../finalize/record.ts';
import { chrootHost } from '../host/chroot.ts';
import { planFinish } from '../finalize/plan.ts';
import type { Scene } from '../finalize/scene.ts';
import { present } from '../kernel/present.ts';
import type { Plan } from '../layout/rebuild/document.ts';
import { markStartable } from '../layout/rebuild/mark.ts';
import { disksWith } from '../layout/rebuild/refusals.ts';
import { disksOf } from '../layout/rebuild/site.ts';
import type { Layout } from '../layout/types.ts';
import { proveRecovery } from '../prove/prove.ts';
import { leftOutPlaces } from '../recover/mounts.ts';
import { bindKernel, makeOwnPlaces, mountNewRoot, ownPlaces } from '../recover/new-root.ts';
import { does } from '../recover/request.ts';
import { localDirectory } from '../target/targets.ts';
import { type State, step } from './define.ts';
import { phased } from './recover-phase.ts';
import { openConfigured } from './repository.ts';

const nothingFinished: State['finished'] = { done: [], findings: [], changed: [] };

export const finishRecovered = step({
  id: 'system',
  title: 'Bring the system to this machine: what starts it, and what its hardware changed',
  needs: ['config', 'recoverRequest', 'layoutPlan', 'captured', 'newRoot', 'restored', 'phases'],
  gives: ['finished', 'phases'],
  destructive: true,
  timeout: '6h',
  run: async ({ state, host, say, signal }) => {
    const { config, recoverRequest: request, layoutPlan, captured, newRoot, phases: before } = state;
    if (!does(request, 'mount')) return { finished: nothingFinished, phases: before };
    const { root } = newRoot;
    await mountNewRoot(layoutPlan.layout, root, host, signal);
    await bindKernel(root, host, signal);
    if (!does(request, 'finalize')) {
      const changed = await earlierChanges(chrootHost(host, root), signal);
      return { finished: { ...nothingFinished, changed }, phases: before };
    }
    const { value: finished, phases } = await phased('finalize', before, async () => {
      await makeOwnPlaces(root, host, signal);
      const { layout, network, firmware } = newRoot;
      const scene: Scene = {
        root,
        captured,
        planned: layoutPlan.layout,
        disks: ownDisks(layoutPlan, layout, config.repository),
        layout,
        network,
        firmware,
        clone: request.clone,
      };
      const plan = await planFinish(scene, host, signal);
      const told = ({ title, why }: { readonly title: string; readonly why: string }): void =>
        say({ type: 'note', text: `${title}: ${why}` });
      const outcome = await finish(scene, plan, { host, say: told }, signal);
      // What may have been started from since is taken by nobody without being asked.
      const planned = new Set(layoutPlan.disks.map(({ id }) => id));
      await markStartable(
        disksOf(layout).filter(({ id }) => planned.has(id)),
        host,
        signal,
      );
      return outcome;
    });
    for (const finding of finished.findings) say({ type: 'finding', ...finding });
    return { finished, phases };
  },
});

/** Of the plan; where nothing is built anew, all of the machine but what holds the repository. */
function ownDisks({ disks }: Plan, layout: Layout, repository: string): readonly string[] {
  if (disks.length > 0) return disks.map(({ id }) => id);
  const directory = localDirectory(repository);
  const others = directory === undefined ? [] : disksWith(directory, layout);
  return disksOf(layout).flatMap(({ id }) => (others.includes(id) ? [] : [id]));
}

export const proveRecovered = step({
  id: 'same',
  title: 'Prove that the machine is what it was, and starts',
  needs: ['config', 'recoverRequest', 'point', 'captured', 'layoutPlan', 'newRoot', 'finished', 'phases'],
  gives: ['proof', 'phases'],
  timeout: '7d',
  run: async ({ state, host, say, secrets, signal }) => {
    const { config, recoverRequest: request, point, captured, layoutPlan: plan, newRoot, finished } = state;
    if (!does(request, 'prove')) return { proof: null, phases: state.phases };
    const { root, mounts, firmware } = newRoot;
    await mountNewRoot(plan.layout, root, host, signal);
    await bindKernel(root, host, signal);
    const { value: proof, phases } = await phased('prove', state.phases, async () => {
      await using repository = await openConfigured(config, { say, secrets }, signal);
      const recovery = {
        repository,
        point,
        root,
        captured: captured.layout,
        firmware,
        changed: [...finished.changed, ...ownPlaces],
        leftOut: leftOutPlaces(captured.layout, mounts),
        ...(plan.disks.length === 0 ? {} : { plan }),
        ...present({ budgetMs: request.budgetMs }),
      };
      return await proveRecovery(recovery, host, say, signal);
    });
    if (proof.files.leftOut > 0) {
      const problem = `${proof.files.leftOut} entries of the point are not on this machine, as the plan leaves their places out`;
      say({ type: 'finding', subject: 'left out', problem });
    }
    if (proof.result === 'sampled')
      say({ type: 'finding', subject: 'proof', problem: proof.files.rule ?? 'not all files were read back' });
    return { proof, phases };
  },
});
