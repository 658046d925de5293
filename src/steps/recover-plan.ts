/** How the machine is built anew on the disks that are here, and that somebody agrees to it. Nothing here writes to a disk. */
import { refuseUnstartable } from '../finalize/fits.ts';
import { capturePatiently } from '../layout/capture-patiently.ts';
import { withWholeDisks } from '../layout/rebuild/attached.ts';
import { checkPlan } from '../layout/rebuild/check.ts';
import { type Plan, planDigest } from '../layout/rebuild/document.ts';
import type { Layout } from '../layout/types.ts';
import { present } from '../kernel/present.ts';
import { recoveries } from '../point/recoveries.ts';
import { allowedUnattended } from '../recover/consent.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { type KeyFiles, namesFor, openedByEscrow, withEscrow } from '../recover/keys.ts';
import { unmountEarlier } from '../recover/new-root.ts';
import { refuseStartable, refuseTwice } from '../recover/twice.ts';
import { newMounts } from '../recover/mounts.ts';
import { planOf, repositoryDisks } from '../recover/plan.ts';
import { remaining } from '../recover/filled.ts';
import { does, namesDisks } from '../recover/request.ts';
import { assembleStanding, standingPart } from '../recover/standing.ts';
import { startedBy } from '../rescue/firmware.ts';
import { planDestruction } from './apply.ts';
import { agree } from './consent.ts';
import { step } from './define.ts';
import { keysFor, keysForgotten } from './recover-keys.ts';
import { phased } from './recover-phase.ts';
import { openConfigured } from './repository.ts';

export const planRecovery = step({
  id: 'plan',
  title: 'Plan how the machine is built anew on the disks that are here',
  needs: [
    'config',
    'recoverRequest',
    'beginAnew',
    'captured',
    'point',
    'pointName',
    'destination',
    'policies',
    'phases',
  ],
  gives: ['recoverRequest', 'layoutPlan', 'applyRequest', 'phases'],
  timeout: '1h',
  run: async ({ state, host, say, secrets, signal }) => {
    const { config, recoverRequest: asked, beginAnew, captured, point, destination, policies, phases: before } = state;
    let request = asked;
    const place = { state: { config, point }, surroundings: { say, secrets, signal } };
    const { value, phases } = await phased('plan', before, async () => {
      if (does(request, 'recreate')) await unmountEarlier(destination.directory, host, signal);
      let here = await capturePatiently(host, signal);
      const met = { here: withWholeDisks(here), captured: captured.layout, point: point.id, beginAnew, policies };
      request = await remaining(request, met, say, host, signal);
      if (does(request, 'recreate')) {
        await refuseRecovered(met.here);
      } else {
        await assemble(met.here);
        here = await capturePatiently(host, signal);
      }
      const { layoutPlan, files } = await withEscrow(point, async (lost) => await planWithKeys(here, lost));
      for (const note of layoutPlan.notes) say({ type: 'note', text: note });
      return {
        recoverRequest: request,
        layoutPlan,
        applyRequest: { ...files, marked: true, ...present({ yes: request.yes }) },
      };
    });
    return { ...value, phases };

    async function refuseRecovered(here: Layout): Promise<void> {
      if (!namesDisks(request))
        await refuseStartable(here, captured.layout, request.unattended ? 'anybody' : 'own', host, signal);
      if (request.unattended === undefined) return;
      await using repository = await openConfigured(config, { say, secrets }, signal);
      const again = {
        point: point.id,
        isNamed: state.pointName !== 'latest',
        recovered: recoveries(repository, point.host.name, signal),
      };
      for (const text of await refuseTwice(here, again, host, signal)) say({ type: 'note', text });
    }

    /** What stands already, as it was. */
    async function assemble(here: Layout): Promise<void> {
      await using _keys = keysForgotten();
      const open = async (names: readonly string[]) => (await keysFor(names, captured.layout, place)).keys;
      const held = repositoryDisks(request, config.repository, here);
      const part = standingPart(captured.layout, here, request.names, held);
      await withEscrow(
        point,
        async (lost) => await assembleStanding(openedByEscrow(part, point, lost), open, host, signal),
      );
    }

    async function planWithKeys(
      here: Layout,
      lost: ReadonlySet<string>,
    ): Promise<{ layoutPlan: Plan; files: KeyFiles }> {
      const wanted = openedByEscrow(captured.layout, point, lost);
      const given = { here, repository: config.repository, policies };
      const layoutPlan = await planOf(request, wanted, given, host, signal);
      if (does(request, 'mount')) refuseRootless(layoutPlan);
      if (does(request, 'finalize')) {
        const firmware = (await startedBy(host, signal)) === 'bios' ? 'bios' : 'uefi';
        refuseUnstartable(captured.layout, layoutPlan.layout, firmware);
      }
      return { layoutPlan, files: await keysFor(namesFor(layoutPlan), layoutPlan.layout, place) };
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
