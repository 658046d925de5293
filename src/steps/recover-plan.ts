/** How the machine is built anew on the disks that are here, and that somebody agrees to it. Nothing here writes to a disk. */
import { refuseUnstartable } from '../finalize/fits.ts';
import { captureLayout } from '../layout/capture.ts';
import { withWholeDisks } from '../layout/rebuild/attached.ts';
import { blankDisks } from '../layout/rebuild/blank.ts';
import { checkPlan } from '../layout/rebuild/check.ts';
import { type Plan, planDigest } from '../layout/rebuild/document.ts';
import { withoutHold } from '../layout/rebuild/held.ts';
import { planLayout } from '../layout/rebuild/plan.ts';
import { namedRequest } from '../layout/rebuild/plan-names.ts';
import { disksWith } from '../layout/rebuild/refusals.ts';
import type { Layout } from '../layout/types.ts';
import { present } from '../kernel/present.ts';
import type { Host } from '../host/host.ts';
import { findPoint } from '../point/find.ts';
import { allowedUnattended } from '../recover/consent.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { type KeyFiles, keyFiles, namesFor, openedByEscrow, wantedPassphrase } from '../recover/keys.ts';
import { unmountNewRoot } from '../recover/new-root.ts';
import { refuseStartable, refuseTwice } from '../recover/once.ts';
import { newMounts } from '../recover/mounts.ts';
import { does, type RecoverRequest } from '../recover/request.ts';
import { assembleStanding, standingPlan } from '../recover/standing.ts';
import { startedBy } from '../rescue/firmware.ts';
import { localDirectory } from '../target/targets.ts';
import { planDestruction } from './apply.ts';
import { agree } from './consent.ts';
import { step } from './define.ts';
import { phased } from './recover-phase.ts';
import { openConfigured } from './repository.ts';

/** In memory, for root alone. */
export const keyDirectory = '/run/lifeboat/recover';

export const planRecovery = step({
  id: 'plan',
  title: 'Plan how the machine is built anew on the disks that are here',
  needs: ['config', 'recoverRequest', 'captured', 'point', 'destination', 'phases'],
  gives: ['layoutPlan', 'applyRequest', 'phases'],
  timeout: '1h',
  run: async ({ state, host, say, secrets, signal }) => {
    const { config, recoverRequest: request, captured, point, destination, phases: before } = state;
    const keysFor = async (names: readonly string[], layout: Layout): Promise<KeyFiles> => {
      if (names.length === 0) return { headers: {}, keys: {} };
      await using repository = await openConfigured(config, { say, secrets }, signal);
      return await keyFiles(names, layout, { repository, point, directory: keyDirectory, secrets }, signal);
    };
    const { value, phases } = await phased('plan', before, async () => {
      const { unattended } = request;
      if (does(request, 'recreate')) {
        // Of an earlier attempt.
        await unmountNewRoot(destination.directory, host, signal);
        const here = withWholeDisks(await captureLayout(host, new Date(), signal));
        if (request.names.map.length === 0) await refuseStartable(here, captured.layout, host, signal);
        if (unattended !== undefined) {
          const recovered = await lastRecovery();
          await refuseTwice(
            here,
            { point: point.id, ...present({ medium: unattended.medium, recovered }) },
            host,
            signal,
          );
        }
      } else {
        const open = async (names: readonly string[]) => (await keysFor(names, captured.layout)).keys;
        await assembleStanding(captured.layout, open, host, signal);
      }
      const { layoutPlan, files } = await planWithKeys();
      for (const note of layoutPlan.notes) say({ type: 'note', text: note });
      return { layoutPlan, applyRequest: { ...files, marked: true, ...present({ yes: request.yes }) } };
    });
    return { ...value, phases };

    async function lastRecovery() {
      await using repository = await openConfigured(config, { say, secrets }, signal);
      return (await findPoint(repository, point.host.name, point.id, signal)).recovered;
    }

    /** Whose key file is not in the point is opened by its own key, where that is kept. */
    async function planWithKeys(lost: ReadonlySet<string> = new Set()): Promise<{ layoutPlan: Plan; files: KeyFiles }> {
      const wanted = openedByEscrow(captured.layout, point, lost);
      const layoutPlan = await planOf(request, wanted, config, host, signal);
      if (does(request, 'mount')) refuseRootless(layoutPlan);
      if (does(request, 'finalize')) {
        const firmware = (await startedBy(host, signal)) === 'bios' ? 'bios' : 'uefi';
        refuseUnstartable(captured.layout, layoutPlan.layout, firmware);
      }
      try {
        return { layoutPlan, files: await keysFor(namesFor(layoutPlan), layoutPlan.layout) };
      } catch (error) {
        const volume = wantedPassphrase(asLifeboatError(error)) ?? '';
        const isKept = point.escrow?.volumeKeys?.includes(volume) === true && !lost.has(volume);
        if (!isKept) throw error;
        return await planWithKeys(new Set([...lost, volume]));
      }
    }
  },
});

/** @throws LifeboatError `refused` for a machine that would have no system: found out later, its disks would be gone */
function refuseRootless({ layout, disks }: Plan): void {
  if (disks.length === 0 || newMounts(layout).some(({ path }) => path === '/')) return;
  throw new LifeboatError('refused', 'this plan makes no root filesystem: nothing would be there to start from', {
    hint: 'The disk with it is left out, as one that holds the repository is; or "--layout-only" builds disks alone.',
  });
}

/**
 * The plan, as a dry run shows it, too.
 *
 * @throws LifeboatError as {@link planLayout}
 */
export async function planOf(
  request: RecoverRequest,
  wanted: Layout,
  { repository }: { readonly repository: string },
  host: Host,
  signal: AbortSignal,
): Promise<Plan> {
  if (!does(request, 'recreate')) return await standingPlan(wanted, host, signal);
  const found = withWholeDisks(await withoutHold(await captureLayout(host, new Date(), signal), host, signal));
  const directory = localDirectory(repository);
  // A disk of the machine that holds the repository was not lost: it stays as it is.
  const there = directory === undefined ? [] : disksWith(directory, found);
  const stays = wanted.components.filter(({ id, kind }) => kind === 'disk' && there.includes(id)).map(({ id }) => id);
  const exclude = [...new Set([...request.names.exclude, ...stays])];
  return planLayout({
    wanted,
    found,
    blank: await blankDisks(wanted, found, host, signal),
    ...namedRequest({ keep: [], reuse: [], ...request.names, exclude }, withWholeDisks(wanted), found),
    ...present({ repository: directory }),
    ...(request.grow ? { grows: ({ kind }) => ['ext', 'xfs', 'btrfs', 'f2fs'].includes(kind) } : {}),
  });
}

export const agreeToRecovery = step({
  id: 'agree',
  title: 'Agree to what is lost',
  needs: ['layoutPlan', 'recoverRequest', 'policies'],
  gives: ['agreedPlan'],
  timeout: '24h',
  run: async ({ state: { layoutPlan, recoverRequest: request, policies }, ask, signal }) => {
    const digest = planDigest(layoutPlan);
    if (layoutPlan.disks.length === 0) return { agreedPlan: digest };
    checkPlan(layoutPlan);
    const { unattended, yes } = request;
    if (unattended !== undefined && yes === undefined) allowedUnattended(layoutPlan, policies);
    else await agree(planDestruction(layoutPlan), { yes, ask }, signal);
    return { agreedPlan: digest };
  },
});
