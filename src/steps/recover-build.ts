/** The steps that write to disks: these are built anew, mounted, and get their files back. */
import type { Host } from '../host/host.ts';
import { present } from '../kernel/present.ts';
import { captureLayout } from '../layout/capture.ts';
import { withWholeDisks } from '../layout/rebuild/attached.ts';
import { markStartable } from '../layout/rebuild/mark.ts';
import type { Plan } from '../layout/rebuild/document.ts';
import { captureNetwork } from '../network/capture.ts';
import { syncAll } from '../prove/fresh.ts';
import { leftOutPlaces } from '../recover/mounts.ts';
import { ownDisksNow } from '../recover/own-disks.ts';
import { mountNewRoot, unbindKernel } from '../recover/new-root.ts';
import { keptPlan, markFilled } from '../recover/filled.ts';
import { does, type RecoverRequest } from '../recover/request.ts';
import { startedBy } from '../rescue/firmware.ts';
import { rescueReady } from '../rescue/ready.ts';
import { rebuild } from './apply.ts';
import { step } from './define.ts';
import { withKeys } from './recover-keys.ts';
import { phased } from './recover-phase.ts';
import { restoreCleanups, restoring } from './restore.ts';

export const recreateDisks = step({
  id: 'disks',
  title: 'Build the disks as the plan says, and compare',
  needs: ['config', 'point', 'layoutPlan', 'agreedPlan', 'applyRequest', 'stateDir', 'recoverRequest', 'phases'],
  gives: ['rebuilt', 'phases'],
  destructive: true,
  timeout: '24h',
  run: async ({ state, host, say, secrets, signal }) => {
    if (!does(state.recoverRequest, 'recreate')) return { rebuilt: { actions: 0, disks: [] }, phases: state.phases };
    const { value: rebuilt, phases } = await phased(
      'recreate',
      state.phases,
      async () =>
        await withKeys(
          state.layoutPlan,
          state.applyRequest,
          { state, surroundings: { say, secrets, signal } },
          async () => await rebuild(state, host, say, signal),
        ),
    );
    return { rebuilt, phases };
  },
});

export const mountRecovered = step({
  id: 'root',
  title: 'Mount the new filesystems',
  needs: ['layoutPlan', 'rebuilt', 'recoverRequest', 'destination', 'phases'],
  gives: ['layoutPlan', 'newRoot', 'phases'],
  destructive: true,
  timeout: '1h',
  run: async ({ state: { layoutPlan: plan, recoverRequest, destination, phases: before }, host, say, signal }) => {
    const { directory: root } = destination;
    const { value, phases } = await phased('mount', before, async () => {
      const mounts = does(recoverRequest, 'mount') ? await mountNewRoot(plan.layout, root, host, signal) : [];
      for (const { path, type } of mounts) say({ type: 'detail', text: `${path} is mounted (${type})` });
      const layoutPlan = does(recoverRequest, 'recreate') || mounts.length === 0 ? plan : await planThatMade();
      const now = await hereAndNow(recoverRequest, host, signal);
      return { layoutPlan, newRoot: { root, mounts: mounts.map(({ path }) => path), ...now } };
    });
    return { ...value, phases };

    /** Of disks that are taken as they stand. */
    async function planThatMade(): Promise<Plan> {
      const kept = await keptPlan(root, plan, recoverRequest, host, signal);
      if (!('why' in kept)) return kept;
      say({ type: 'note', text: `the storage cannot be compared with the plan by which it was made: ${kept.why}` });
      return plan;
    }
  },
});

/** No rescue system takes longer to bring it up, or gives it up. */
const networkMs = 310_000;

/** What finishing has to know of this machine. */
async function hereAndNow({ medium }: RecoverRequest, host: Host, signal: AbortSignal) {
  // Cards may get their names only now.
  if (medium !== undefined) await rescueReady(networkMs, signal);
  return {
    layout: withWholeDisks(await captureLayout(host, new Date(), signal)),
    network: await captureNetwork(host, new Date(), signal),
    firmware: (await startedBy(host, signal)) === 'bios' ? ('bios' as const) : ('uefi' as const),
  };
}

const nothingRestored = {
  created: 0,
  replaced: 0,
  attributes: 0,
  same: 0,
  untouched: 0,
  kept: 0,
  bytes: 0,
  reread: false,
};

export const restoreMachine = step({
  id: 'files',
  title: 'Bring the files back',
  needs: ['config', 'point', 'recoverRequest', 'captured', 'layoutPlan', 'destination', 'newRoot', 'phases'],
  gives: ['restored', 'phases'],
  destructive: true,
  timeout: '7d',
  cleanups: restoreCleanups,
  run: async (context) => {
    const { state, host, say, signal } = context;
    const { recoverRequest: request, captured, destination, layoutPlan, newRoot, point, phases: before } = state;
    const { directory } = destination;
    if (!does(request, 'restore')) return { restored: { directory, ...nothingRestored }, phases: before };
    const { value, phases } = await phased('restore', before, async () => {
      // Of an earlier attempt, perhaps at another point.
      if (!does(request, 'recreate'))
        await markStartable(await ownDisksNow(layoutPlan, newRoot.layout, host, signal), host, signal, 'none');
      // What was unmounted meanwhile would be written into the memory of the rescue system.
      await mountNewRoot(layoutPlan.layout, directory, host, signal);
      await unbindKernel(directory, host, signal);
      const restoreRequest = {
        paths: [],
        directory,
        leftOut: leftOutPlaces(captured.layout, newRoot.mounts),
        machine: does(request, 'recreate') ? ('made' as const) : ('there' as const),
        ...present({ yes: request.yes }),
      };
      const outcome = await restoring({ ...context, state: { ...state, restoreRequest } });
      // What the mark says has to be on the disks before it is.
      await syncAll(directory, host, signal);
      const { layout } = newRoot;
      const filled = { plan: layoutPlan, request, point: point.id, root: directory, layout };
      const unkept = await markFilled(filled, host, signal);
      if (unkept !== undefined) say({ type: 'note', text: `the plan is not kept in the recovered system: ${unkept}` });
      return outcome;
    });
    return { ...value, phases };
  },
});
