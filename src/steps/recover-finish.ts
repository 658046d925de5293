/** What makes the recovered system start by itself on this machine, and the proof that it is what it was. */
import { finish } from '../finalize/finish.ts';
import { planFinish } from '../finalize/plan.ts';
import type { Scene } from '../finalize/scene.ts';
import { bindKernel, mountNewRoot } from '../recover/new-root.ts';
import { does } from '../recover/request.ts';
import { type State, step } from './define.ts';
import { phased } from './recover-phase.ts';

const nothingFinished: State['finished'] = { done: [], findings: [], changed: [] };

export const finishRecovered = step({
  id: 'system',
  title: 'Bring the system to this machine: what starts it, and what its hardware changed',
  needs: ['recoverRequest', 'layoutPlan', 'captured', 'newRoot', 'restored', 'phases'],
  gives: ['finished', 'phases'],
  destructive: true,
  timeout: '6h',
  run: async ({ state, host, say, signal }) => {
    const { recoverRequest: request, layoutPlan, captured, newRoot, phases: before } = state;
    if (!does(request, 'mount')) return { finished: nothingFinished, phases: before };
    const { root } = newRoot;
    await mountNewRoot(layoutPlan.layout, root, host, signal);
    await bindKernel(root, host, signal);
    if (!does(request, 'finalize')) return { finished: nothingFinished, phases: before };
    const { value: finished, phases } = await phased('finalize', before, async () => {
      const { layout, network, firmware } = newRoot;
      const scene: Scene = {
        root,
        captured,
        planned: layoutPlan.layout,
        layout,
        network,
        firmware,
        clone: request.clone,
      };
      const plan = await planFinish(scene, host, signal);
      const told = ({ title, why }: { readonly title: string; readonly why: string }): void =>
        say({ type: 'note', text: `${title}: ${why}` });
      return await finish(scene, plan, { host, say: told }, signal);
    });
    for (const finding of finished.findings) say({ type: 'finding', ...finding });
    return { finished, phases };
  },
});

export const proveRecovered = step({
  id: 'same',
  title: 'Prove that the machine is what it was, and starts',
  needs: ['recoverRequest', 'newRoot', 'finished', 'phases'],
  gives: ['proof', 'phases'],
  timeout: '7d',
  run: async ({ state: { phases } }) => ({ proof: null, phases }),
});
