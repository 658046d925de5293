/** What makes the recovered system start by itself on this machine, and the proof that it is what it was. */
import { finish } from '../finalize/finish.ts';
import { withEsp } from '../finalize/esp-mount.ts';
import { earlierChanges } from '../finalize/record.ts';
import { chrootHost } from '../host/chroot.ts';
import { planFinish } from '../finalize/plan.ts';
import type { Scene } from '../finalize/scene.ts';
import { present } from '../kernel/present.ts';
import { markStartable } from '../layout/rebuild/mark.ts';
import { proveRecovery } from '../prove/prove.ts';
import { leftOutPlaces } from '../recover/mounts.ts';
import { bindKernel, hasSystem, makeOwnPlaces, mountNewRoot, ownPlaces } from '../recover/new-root.ts';
import { ownDisks, ownDisksNow } from '../recover/own-disks.ts';
import { does } from '../recover/request.ts';
import { type State, step } from './define.ts';
import { phased } from './recover-phase.ts';
import { openConfigured } from './repository.ts';

const nothingFinished: State['finished'] = { done: [], findings: [], changed: [] };

export const finishRecovered = step({
  id: 'system',
  title: 'Bring the system to this machine: what starts it, and what its hardware changed',
  needs: ['recoverRequest', 'layoutPlan', 'captured', 'newRoot', 'restored', 'phases'],
  gives: ['finished', 'phases'],
  destructive: true,
  timeout: '6h',
  run: async ({ state, host, say, signal }) => {
    const { recoverRequest: request, layoutPlan, newRoot, phases: before } = state;
    if (!does(request, 'mount')) return { finished: nothingFinished, phases: before };
    const { root } = newRoot;
    await mountNewRoot(layoutPlan.layout, root, host, signal);
    if (!does(request, 'finalize')) {
      // Of disks that were built, and not filled yet, there is no system to enter.
      if (!(await hasSystem(root, host, signal))) return { finished: nothingFinished, phases: before };
      await bindKernel(root, host, signal);
      const changed = await earlierChanges(chrootHost(host, root), signal);
      return { finished: { ...nothingFinished, changed }, phases: before };
    }
    await bindKernel(root, host, signal);
    const { value: finished, phases } = await phased('finalize', before, async () => {
      await makeOwnPlaces(root, host, signal);
      const found = sceneOf(state);
      const { layout } = await withEsp(found, host, signal);
      const scene = { ...found, layout };
      const plan = await planFinish(scene, host, signal);
      const told = ({ title, why }: { readonly title: string; readonly why: string }): void =>
        say({ type: 'note', text: `${title}: ${why}` });
      // What may have been started from since is taken by nobody without being asked.
      await markStartable(await ownDisksNow(layoutPlan, newRoot.layout, host, signal), host, signal);
      return await finish(scene, plan, { host, say: told }, signal);
    });
    for (const finding of finished.findings) say({ type: 'finding', ...finding });
    return { finished, phases };
  },
});

function sceneOf({
  recoverRequest,
  layoutPlan,
  captured,
  newRoot,
}: Pick<State, 'recoverRequest' | 'layoutPlan' | 'captured' | 'newRoot'>): Scene {
  const { root, layout, network, firmware } = newRoot;
  const { clone } = recoverRequest;
  const lost = layoutPlan.disks.map(({ from }) => from);
  const disks = ownDisks(layoutPlan);
  return { root, captured, planned: layoutPlan.layout, disks, lost, layout, network, firmware, clone };
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
    const esp = await withEsp(sceneOf(state), host, signal);
    const { value: proof, phases } = await phased('prove', state.phases, async () => {
      await using repository = await openConfigured(config, { say, secrets }, signal);
      const recovery = {
        repository,
        point,
        root,
        captured: captured.layout,
        firmware,
        // What is mounted there now was not when the point was made.
        changed: [...finished.changed, ...ownPlaces, ...(esp.path === undefined ? [] : [esp.path])],
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
    if (plan.disks.length === 0) {
      const problem = 'the disks were not built by this recovery, and no plan is kept there to compare them with';
      say({ type: 'finding', subject: 'storage', problem });
    }
    if (proof.result === 'sampled')
      say({ type: 'finding', subject: 'proof', problem: proof.files.rule ?? 'not all files were read back' });
    return { proof, phases };
  },
});
