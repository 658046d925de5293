/** Disks that are not built anew: what is on them is put together as it is, and taken for what the plan of it made. */
import type { Host } from '../host/host.ts';
import { captureLayout } from '../layout/capture.ts';
import { withWholeDisks } from '../layout/rebuild/attached.ts';
import { type Plan, planFormat, sourceDigest } from '../layout/rebuild/document.ts';
import { heldDevices, letGo, withoutHold } from '../layout/rebuild/held.ts';
import { devicePath, diskPaths } from '../layout/rebuild/paths.ts';
import { disksOf, siteOf } from '../layout/rebuild/site.ts';
import { type Component, handlerOf, type Layout } from '../layout/types.ts';

/** Each may hold the next: an array a volume group, one of its volumes an encrypted one. */
const rounds = 8;
const arraysFile = '/run/lifeboat/recover-mdadm.conf';

/**
 * Puts together what was built before: arrays, encrypted volumes, volume groups of the machine as it was captured, and of no other. What is
 * on the disks stays as it is.
 *
 * @param open gives files that open these volumes, by UUID, for names as plans have them
 */
export async function assembleStanding(
  wanted: Layout,
  open: (names: readonly string[]) => Promise<Readonly<Record<string, string>>>,
  host: Host,
  signal: AbortSignal,
): Promise<void> {
  const arrays = wanted.components.flatMap((one) => (one.kind === 'md' && one.uuid !== undefined ? [one.uuid] : []));
  const groups = wanted.components.flatMap((one) => (one.kind === 'vg' ? [one.name] : []));
  let before = '';
  for (let round = 0; round < rounds; round++) {
    const found = await captureLayout(host, new Date(), signal);
    await letGoOfOwn(wanted, found, host, signal);
    if (arrays.length > 0) {
      const lines = ['DEVICE partitions', ...arrays.map((uuid) => `ARRAY UUID=${mdadmUuid(uuid)}`), ''].join('\n');
      await host.write(arraysFile, Buffer.from(lines), {}, signal);
      const argv = ['mdadm', '--assemble', '--scan', '--run', `--config=${arraysFile}`] as const;
      await host.run(argv, { okCodes: [0, 1, 2] }, signal);
    }
    for (const group of groups) {
      const argv = ['vgchange', '--activate', 'y', '--monitor', 'n', '--', group] as const;
      await host.run(argv, { okCodes: [0, 5] }, signal);
    }
    await openVolumes(wanted, found, open, host, signal);
    await host.run(['udevadm', 'settle'], { timeoutMs: 120_000, okCodes: [0, 1] }, signal);
    const now = found.components.map(({ id }) => id).join(' ');
    if (now === before) return;
    before = now;
  }
}

const mdadmUuid = (uuid: string): string => uuid.replaceAll(/[-:]/g, '').replaceAll(/(.{8})(?!$)/g, '$1:');

/** Disks of the machine that the rescue system keeps read-only: whoever mounts what is on them writes to it. */
async function letGoOfOwn(wanted: Layout, found: Layout, host: Host, signal: AbortSignal): Promise<void> {
  const isHeld = await heldDevices(host, signal);
  for (const disk of disksOf(standingLayout(wanted, withWholeDisks(found))))
    if (isHeld(disk.device)) await letGo(disk.device, host, signal);
}

/** Those that were open when they were captured, as they are called there. */
async function openVolumes(
  wanted: Layout,
  found: Layout,
  open: (names: readonly string[]) => Promise<Readonly<Record<string, string>>>,
  host: Host,
  signal: AbortSignal,
): Promise<void> {
  const there = new Map(found.components.map((one) => [one.id, one]));
  const closed = wanted.components.flatMap((one) => {
    const now = there.get(one.id);
    const isClosed = one.kind === 'luks' && one.open && now?.kind === 'luks' && !now.open;
    const [on] = now?.on ?? [];
    if (!isClosed || on === undefined || one.uuid === undefined || one.name === undefined) return [];
    return [{ uuid: one.uuid, name: one.name, on }];
  });
  if (closed.length === 0) return;
  const files = await open(closed.map(({ uuid }) => `luks-key:${uuid}`));
  const site = siteOf(withWholeDisks(found).components);
  const paths = diskPaths(disksOf(found));
  for (const { uuid, name, on } of closed) {
    const file = files[uuid];
    if (file === undefined) continue;
    const argv = [
      'cryptsetup',
      'open',
      '--type',
      'luks',
      '--key-file',
      file,
      devicePath(on, site, paths),
      name,
    ] as const;
    await host.run(argv, { timeoutMs: 300_000 }, signal);
  }
}

/** A plan that does nothing: of the machine as it was captured, what is on these disks. */
export async function standingPlan(wanted: Layout, host: Host, signal: AbortSignal): Promise<Plan> {
  const found = withWholeDisks(await withoutHold(await captureLayout(host, new Date(), signal), host, signal));
  return {
    format: planFormat,
    of: sourceDigest(wanted),
    disks: [],
    untouched: found.components.flatMap((one) => (one.kind === 'disk' ? [handlerOf(one).title(one)] : [])),
    before: { ...found, components: [], gaps: [] },
    layout: standingLayout(wanted, found),
    fates: { old: [], new: [] },
    actions: [],
    notes: [],
  };
}

/** What is there of the machine as it was, by ids; with its mounts and subvolumes, which are seen only once it is mounted. */
export function standingLayout(wanted: Layout, found: Layout): Layout {
  const site = siteOf(found.components);
  const known = new Set(wanted.components.filter(({ kind }) => kind !== 'mount').map(({ id }) => id));
  const disks = new Set(
    found.components.flatMap(({ id, kind }) => (known.has(id) && kind !== 'disk' ? site.disksUnder(id) : [])),
  );
  const there = site.order.filter(
    ({ id, kind }) => kind !== 'mount' && site.disksUnder(id).some((disk) => disks.has(disk)),
  );
  const ids = new Set(there.map(({ id }) => id));
  const later: Component[] = [];
  for (const component of siteOf(wanted.components).order) {
    if (component.kind !== 'mount' && component.kind !== 'subvolume') continue;
    if (ids.has(component.id) || !component.on.every((id) => ids.has(id))) continue;
    later.push(component);
    ids.add(component.id);
  }
  return { ...found, components: [...there, ...later], gaps: [] };
}
