/** Disks that are not built anew: what is on them is put together as it is, and taken for what the plan of it made. */
import type { Host } from '../host/host.ts';
import { capturePatiently } from '../layout/capture-patiently.ts';
import { withWholeDisks } from '../layout/rebuild/attached.ts';
import { type Plan, planFormat, sourceDigest } from '../layout/rebuild/document.ts';
import { heldDevices, letGo } from '../layout/rebuild/held.ts';
import { leftOutBy } from '../layout/rebuild/named.ts';
import { devicePath, diskPaths } from '../layout/rebuild/paths.ts';
import { disksOf, siteOf } from '../layout/rebuild/site.ts';
import { type Component, handlerOf, type Layout } from '../layout/types.ts';
import { newMounts } from './mounts.ts';

/** Each may hold the next: an array a volume group, one of its volumes an encrypted one. */
const rounds = 8;
const arraysFile = '/run/lifeboat/recover-mdadm.conf';

/**
 * Of the machine as it was, what its recovered system consists of: without what is left out, and without what lies on a disk that holds a
 * repository.
 *
 * @param held ids of such disks
 */
export function standingPart(
  wanted: Layout,
  found: Layout,
  { exclude }: { readonly exclude: readonly string[] },
  held: readonly string[],
): Layout {
  const now = siteOf(found.components);
  const theirs = now.order.filter(({ id }) => now.disksUnder(id).some((disk) => held.includes(disk)));
  const left = new Set([...exclude.flatMap((name) => [...leftOutBy(wanted, name)]), ...theirs.map(({ id }) => id)]);
  const components = siteOf(wanted.components).order.filter(({ id, on }) => {
    if (!left.has(id) && !on.some((one) => left.has(one))) return true;
    left.add(id);
    return false;
  });
  return { ...wanted, components };
}

/** Ids of the disks that it stands on: what it mounts, and what starts it. These are written to, and no others. */
export function standingDisks(part: Layout, found: Layout): readonly string[] {
  const byId = new Map(part.components.map((one) => [one.id, one]));
  const starts = part.components.flatMap(({ id, kind }) => (kind === 'boot' || kind === 'loader' ? [id] : []));
  const below = new Set([...newMounts(part).map(({ filesystem }) => filesystem), ...starts]);
  for (const id of below) for (const one of byId.get(id)?.on ?? []) below.add(one);
  const site = siteOf(found.components);
  return [
    ...new Set(
      found.components.flatMap(({ id, kind }) => (kind !== 'disk' && below.has(id) ? site.disksUnder(id) : [])),
    ),
  ];
}

/**
 * Puts together what was built before: arrays, encrypted volumes, volume groups of the machine as it was captured, and of no other. What is
 * on the disks stays as it is.
 *
 * @param wanted the part of the machine that is meant, as {@link standingPart} gives it
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
    const found = await capturePatiently(host, signal);
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

/** Disks of the recovered system that the rescue system keeps read-only: whoever mounts what is on them writes to it. */
async function letGoOfOwn(wanted: Layout, found: Layout, host: Host, signal: AbortSignal): Promise<void> {
  const isHeld = await heldDevices(host, signal);
  const whole = withWholeDisks(found);
  const own = standingDisks(wanted, whole);
  for (const disk of disksOf(whole))
    if (own.includes(disk.id) && isHeld(disk.device)) await letGo(disk.device, host, signal);
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
    return [{ uuid: one.uuid, name: one.name, on, isVolumeKey: one.opener === 'volume-key' }];
  });
  if (closed.length === 0) return;
  const files = await open(closed.map(({ uuid, isVolumeKey }) => `luks-${isVolumeKey ? 'volume-key' : 'key'}:${uuid}`));
  const site = siteOf(withWholeDisks(found).components);
  const paths = diskPaths(disksOf(found));
  for (const { uuid, name, on, isVolumeKey } of closed) {
    const file = files[uuid];
    if (file === undefined) continue;
    // The name of this option that every version knows.
    const key = isVolumeKey ? '--master-key-file' : '--key-file';
    const device = devicePath(on, site, paths);
    const argv = ['cryptsetup', 'open', '--type', 'luks', key, file, device, name] as const;
    await host.run(argv, { timeoutMs: 300_000 }, signal);
  }
}

/**
 * A plan that does nothing: of the machine as it was captured, what is on these disks.
 *
 * @param part of it that is meant
 */
export function standingPlan(wanted: Layout, part: Layout, found: Layout): Plan {
  return {
    format: planFormat,
    of: sourceDigest(wanted),
    disks: [],
    untouched: found.components.flatMap((one) => (one.kind === 'disk' ? [handlerOf(one).title(one)] : [])),
    before: { ...found, components: [], gaps: [] },
    layout: standingLayout(part, found),
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
