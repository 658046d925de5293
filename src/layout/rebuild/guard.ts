/** Stands before the disks while a plan is carried out: each is what the plan saw, up to the moment in which it is first written to. */
import type { Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import type { Execution, Progress } from '../../plan/execute.ts';
import type { ComponentOf } from '../types.ts';
import { isBlank } from './blank.ts';
import { isWorkPlace } from './builder.ts';
import { type DiskNow, disksNow } from './disks-now.ts';
import { type Plan, planDigest } from './document.ts';
import { heldDevices, letGo } from './held.ts';
import { markAction, readMark } from './mark.ts';
import { pathIn } from './paths.ts';
import { disksOf, siteOf } from './site.ts';

type Disk = ComponentOf<'disk'>;

export interface Guard extends Pick<Execution, 'locate' | 'check'> {
  /** Of the disks that are there, by id, as they were found first. */
  readonly paths: ReadonlyMap<string, string>;
  /** All of these, before any of them is written to: also whether one that was blank still is, which takes seconds. */
  checkAll(disks: Iterable<string>, signal: AbortSignal): Promise<void>;
}

/** Made before the disks are compared with the plan, so that nothing can come between that and the first write. */
export async function guardOf(plan: Plan, host: Host, progress: Progress, signal: AbortSignal): Promise<Guard> {
  const disks = disksOf(plan.layout);
  const sites = { before: siteOf(plan.before.components), after: siteOf(plan.layout.components) };
  const signatures = new Map<string, string>();
  const first = await disksNow(host, disks, signal);
  for (const [id, now] of first) signatures.set(id, await signaturesOn(host, now, signal));
  const check = async (id: string, inner: AbortSignal): Promise<{ disk: Disk; isHeld: boolean }> => {
    const disk = disks.find((one) => one.id === id);
    if (disk === undefined) throw new LifeboatError('bug', `the plan has no disk ${id}`);
    const now = (await disksNow(host, [disk], inner)).get(id);
    if (now === undefined) throw refused(`the disk ${id} is not there any more`);
    // Also where it was let go of by halves: the note goes last.
    const isHeld = (await heldDevices(host, inner))(now.path);
    refuseOther(disk, { ...now, readOnly: now.readOnly && !isHeld }, progress.begun.size > 0);
    const here = { ...disk, device: now.path };
    if (isBegun(id)) {
      if (progress.ended.has(markAction(id))) await refuseUnmarked(plan, host, here, inner);
    } else if ((await signaturesOn(host, now, inner)) !== signatures.get(id)) {
      throw refused(`what is on the disk ${id} has changed while the plan was begun`);
    }
    return { disk: here, isHeld };
  };
  const isBegun = (id: string): boolean =>
    plan.actions.some(({ id: action, writes }) => writes.includes(id) && progress.begun.has(action));
  return {
    paths: new Map([...first].map(([id, { path }]) => [id, path])),
    async locate(outer) {
      const now = await disksNow(host, disks, outer);
      const paths = new Map([...now].map(([id, { path }]) => [id, path]));
      return async (id, inner) => await kernelName(host, pathIn(sites, id, paths), inner);
    },
    async check(id, inner) {
      const { disk, isHeld } = await check(id, inner);
      if (isHeld) await letGo(disk.device, host, inner);
    },
    async checkAll(ids, inner) {
      for (const id of ids) {
        const { disk } = await check(id, inner);
        if (!isBegun(id) && wasBlank(plan, id)) await refuseFilled(plan, host, disk, inner);
      }
    },
  };
}

function refuseOther({ id, sizeBytes }: Disk, now: DiskNow, isResumed: boolean): void {
  if (now.sizeBytes !== sizeBytes) {
    throw refused(`the disk ${id} has ${now.sizeBytes} bytes, and had ${sizeBytes} when the plan was made`);
  }
  if (now.readOnly) throw refused(`the disk ${id} cannot be written to: it is read-only`);
  // What was cut off may have left something mounted, and undoes that itself.
  const [use] = now.uses.filter((place) => !isResumed || !isWorkPlace(place));
  if (use !== undefined) throw refused(`the disk ${id} is in use: ${use}`, 'End that first, if it may be lost.');
}

/** Nobody named it: it was taken because nothing was on it, or what an earlier attempt at the same had left. */
function wasBlank({ disks, before }: Plan, id: string): boolean {
  const disk = disks.find((one) => one.id === id);
  return disk?.blank === true && disk.certainty !== 'named' && siteOf(before.components).above(id).length === 0;
}

async function refuseFilled({ of }: Plan, host: Host, disk: Disk, signal: AbortSignal): Promise<void> {
  if (await isBlank(host, disk.device, disk.sizeBytes, signal)) return;
  const mark = await readMark(host, disk, signal);
  if (mark?.of === of && mark.recovered === undefined && mark.startable !== true) return;
  throw refused(`the disk ${disk.id} was blank when the plan was made, and is no longer`);
}

/** An attempt that is gone on with has left its mark on each disk that has room for one. */
async function refuseUnmarked(plan: Plan, host: Host, disk: Disk, signal: AbortSignal): Promise<void> {
  const mark = await readMark(host, disk, signal);
  if (mark?.plan === planDigest(plan)) return;
  throw refused(`the disk ${disk.id} has been written to since this plan was cut off`);
}

const refused = (why: string, hint = 'Make the plan again, and look what it would destroy now.'): LifeboatError =>
  new LifeboatError('refused', why, { hint });

/** What a disk and its partitions are known by. */
async function signaturesOn(host: Host, { path, partitions }: DiskNow, signal: AbortSignal): Promise<string> {
  const columns = 'OFFSET,TYPE,UUID,LABEL';
  const argv = ['wipefs', '--no-act', '--noheadings', '--output', columns, path, ...partitions] as const;
  return (await host.run(argv, {}, signal)).stdout.toString();
}

/** Links that udev makes of UUIDs have colons in them, which LVM takes for something else; and not all links are known to udev. */
async function kernelName(host: Host, path: string, signal: AbortSignal): Promise<string> {
  if (!/^\/dev\/(disk|bcache)\//.test(path)) return path;
  const isBcache = path.startsWith('/dev/bcache/');
  const { stdout } = await host.run(['realpath', '--', path], isBcache ? { okCodes: [0, 1] } : {}, signal);
  const real = stdout.toString().trimEnd();
  if (!isBcache || !['', path].includes(real)) return real;
  const { stdout: found } = await host.run(['sh', '-euc', bcacheNamed, 'sh', path], {}, signal);
  return found.toString().trimEnd();
}

/** udev of Debian 11 takes the link of a device of bcache away with the next event of that: the kernel knows which one it is. */
const bcacheNamed = `
for own in /sys/block/bcache*/bcache; do
  if [ "$(cat "$own/backing_dev_uuid" 2> /dev/null)" = "\${1##*/}" ]; then
    found=\${own%/bcache}
    echo "/dev/\${found##*/}"
    exit
  fi
done
exit 1
`;
