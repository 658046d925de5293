/** The steps that write to disks: these are built anew, mounted, and get their files back. */
import type { Host } from '../host/host.ts';
import { present } from '../kernel/present.ts';
import { captureLayout } from '../layout/capture.ts';
import { withWholeDisks } from '../layout/rebuild/attached.ts';
import { captureNetwork } from '../network/capture.ts';
import { leftOutPlaces } from '../recover/mounts.ts';
import { mountNewRoot, unbindKernel } from '../recover/new-root.ts';
import { markFilled } from '../recover/own-disks.ts';
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
  gives: ['newRoot', 'phases'],
  destructive: true,
  timeout: '1h',
  run: async ({ state: { layoutPlan, recoverRequest, destination, phases: before }, host, say, signal }) => {
    const { directory: root } = destination;
    const { value: newRoot, phases } = await phased('mount', before, async () => {
      const mounts = does(recoverRequest, 'mount') ? await mountNewRoot(layoutPlan.layout, root, host, signal) : [];
      for (const { path, type } of mounts) say({ type: 'detail', text: `${path} is mounted (${type})` });
      return { root, mounts: mounts.map(({ path }) => path), ...(await hereAndNow(recoverRequest, host, signal)) };
    });
    return { newRoot, phases };
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
    const { state, host, signal } = context;
    const { recoverRequest: request, captured, destination, layoutPlan, newRoot, phases: before } = state;
    const { directory } = destination;
    if (!does(request, 'restore')) return { restored: { directory, ...nothingRestored }, phases: before };
    const { value, phases } = await phased('restore', before, async () => {
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
      await markFilled(layoutPlan, newRoot, host, signal);
      return outcome;
    });
    return { ...value, phases };
  },
});
