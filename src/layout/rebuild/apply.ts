/** Carries a plan out: checks that all is as the plan saw it, does what it says, and proves the result by capturing it. */
import type { Host } from '../../host/host.ts';
import type { Change } from '../../kernel/change.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import type { Action } from '../../plan/action.ts';
import { execute, type Progress } from '../../plan/execute.ts';
import { captureLayout } from '../capture.ts';
import { layoutChanges } from '../diff.ts';
import type { Layout } from '../types.ts';
import { builderOf } from './builders.ts';
import { type Plan, planDigest } from './document.ts';
import { markAction, markBlank, markContent, markPlace, readMark } from './mark.ts';
import { devicePath, diskPaths } from './paths.ts';
import { refuseUsed } from './refusals.ts';
import { disksOf, notMade, type OrderedSite, siteOf } from './site.ts';

export interface Application {
  readonly host: Host;
  readonly progress: Progress;
  /** Headers and keys of encrypted volumes, by name. @throws LifeboatError where there is none */
  readonly given: (name: string, signal: AbortSignal) => Promise<Uint8Array>;
  readonly say: (action: Action) => void;
}

/**
 * @returns what is not as the plan said; the marks on the disks go when there is nothing
 * @throws LifeboatError `refused` before the first write, where a disk is not what the plan saw; of the command that failed
 */
export async function applyPlan(plan: Plan, application: Application, signal: AbortSignal): Promise<readonly Change[]> {
  const { host, progress, given } = application;
  const found = await captureLayout(host, new Date(), signal);
  const isDone = plan.actions.every(({ id }) => progress.ended.has(id));
  if (progress.begun.size === 0) refuseChanged(plan, found);
  else if (!isDone) await refuseForeign(plan, found, application, signal);
  if (!isDone)
    refuseUsed(
      plan.disks.map(({ id }) => id),
      found,
    );
  const digest = planDigest(plan);
  const sites = [siteOf(plan.layout.components), siteOf(plan.before.components)];
  const disks = diskPaths(disksOf(found));
  await execute(
    plan.actions,
    {
      ...application,
      path: async (id, inner) => await kernelName(host, devicePath(id, siteWith(id, sites), disks), inner),
      given: async (name, inner) => {
        const [, disk] = /^mark:(.*)$/.exec(name) ?? [];
        return disk === undefined ? await given(name, inner) : markContent({ plan: digest, of: plan.of, disk });
      },
    },
    signal,
  );
  const changes = rebuiltChanges(plan, await captureLayout(host, new Date(), signal));
  if (changes.length > 0) return changes;
  for (const [id, path] of disks) {
    const place = plan.disks.some((disk) => disk.id === id) ? markPlace(id, siteWith(id, sites)) : undefined;
    if (place !== undefined) await markBlank(host, path, place, signal);
  }
  return changes;
}

/** Links that udev makes of UUIDs have colons in them, which LVM takes for something else. */
async function kernelName(host: Host, path: string, signal: AbortSignal): Promise<string> {
  if (!path.startsWith('/dev/disk/')) return path;
  const { stdout } = await host.run(['realpath', '--', path], {}, signal);
  return stdout.toString().trimEnd();
}

function siteWith(id: string, sites: readonly OrderedSite[]): OrderedSite {
  const site = sites.find((one) => one.order.some((component) => component.id === id));
  if (site === undefined) throw new LifeboatError('bug', `the plan has no component ${id}`);
  return site;
}

/** What is on the disks, and which disks they are, as it was when somebody agreed to lose it. */
function refuseChanged({ before }: Plan, found: Layout): void {
  const taken = new Set(before.components.map(({ id }) => id));
  const now = siteOf(found.components);
  const disks = disksOf(before).map(({ id }) => id);
  const components = now.order.filter(
    ({ id }) => taken.has(id) || now.disksUnder(id).some((one) => disks.includes(one)),
  );
  const changes = layoutChanges(made(before), made({ ...found, components }));
  if (changes.length === 0) return;
  throw new LifeboatError('refused', `the disks are not as they were when the plan was made: ${textOf(changes)}`, {
    hint: 'Make the plan again, and look what it would destroy now.',
  });
}

/** An attempt that is gone on with has left its mark on each disk that has room for one, and nobody has written there since. */
async function refuseForeign(
  plan: Plan,
  found: Layout,
  { host, progress }: Application,
  signal: AbortSignal,
): Promise<void> {
  const digest = planDigest(plan);
  for (const { id } of plan.disks) {
    const disk = disksOf(found).find((one) => one.id === id);
    if (disk === undefined) throw new LifeboatError('refused', `the disk ${id} is not there any more`);
    if (!progress.ended.has(markAction(id))) continue;
    const mark = await readMark(host, disk, signal);
    if (mark?.plan === digest) continue;
    throw new LifeboatError('refused', `the disk ${id} has been written to since this plan was cut off`, {
      hint: 'Make the plan again, and look what it would destroy now.',
    });
  }
}

/** What is not as the plan said, of all that it makes. */
export function rebuiltChanges({ layout, disks }: Plan, after: Layout): readonly Change[] {
  const now = siteOf(after.components);
  const taken = new Set(disks.map(({ id }) => id));
  const components = now.order.filter(({ id }) => now.disksUnder(id).some((disk) => taken.has(disk)));
  return layoutChanges(made(layout), made({ ...after, components }));
}

/** Without what comes back with the files only, and what its tools choose. */
function made(layout: Layout): Layout {
  return {
    ...layout,
    gaps: [],
    components: layout.components
      .filter(({ kind }) => !notMade.has(kind))
      .map((component) => builderOf(component)?.compared?.(component) ?? component),
  };
}

const textOf = (changes: readonly Change[]): string =>
  changes
    .slice(0, 3)
    .map(({ text }) => text)
    .join('; ');
