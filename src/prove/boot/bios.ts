/** What a BIOS starts: code in the first sector of a disk, and the files that it goes on with. */
import type { Component, ComponentOf } from '../../layout/types.ts';
import { mountAt, type Scene } from '../scene.ts';
import type { Verdict } from '../verdict.ts';
import type { Menu } from './menus.ts';

type Loader = ComponentOf<'loader'>;

/** Those that whoever restores a system puts back. */
const known: ReadonlySet<Loader['type']> = new Set(['grub-pc', 'syslinux', 'extlinux', 'lilo', 'grub-legacy']);

export interface Started {
  /** Kinds of menus that come. */
  readonly menus: ReadonlySet<Menu['loader']>;
  readonly verdict: Verdict;
}

/** @param disks which disk has taken the place of which, by their ids */
export function biosLoaders(scene: Scene, disks: ReadonlyMap<string, string>): Started {
  const verdict: Verdict = { findings: [], notes: [] };
  const now = inSectors(scene.devices.layout.components).filter(({ type }) => known.has(type));
  const places = new Set(disksUnder('/boot', scene));
  const then = inSectors(scene.before.layout.components).filter(({ type }) => known.has(type));
  const wanted = then.flatMap((one) => {
    const [was = ''] = one.on;
    // One that was left out is started from by nobody.
    const here = disks.get(was) ?? was;
    return scene.devices.get(here)?.kind === 'disk' && (disks.has(was) || disks.size === 0)
      ? [{ type: one.type, here }]
      : [];
  });
  for (const { type, here } of wanted) {
    const found = now.find((one) => one.on[0] === here);
    const problem = found === undefined ? 'nothing to start is in its boot sector' : coreProblem(found);
    if (problem !== undefined) verdict.findings.push({ subject: title(here, scene), problem });
    else verdict.notes.push(`${title(here, scene)}: ${type} is in its boot sector`);
  }
  // Code of whatever kind starts something: whose it is nobody need know.
  const bootable = inSectors(scene.devices.layout.components).filter(
    (one) => places.has(one.on[0] ?? '') && one.type !== 'windows' && coreProblem(one) === undefined,
  );
  if (wanted.length === 0) {
    for (const { type, on } of bootable)
      verdict.notes.push(`${title(on[0] ?? '', scene)}: ${type} is in its boot sector`);
    if (bootable.length === 0)
      verdict.findings.push({ subject: 'boot sector', problem: 'there is nothing to start on any disk of the system' });
  }
  const types = new Set([...wanted, ...bootable].map(({ type }) => type));
  const menus = new Set<Menu['loader']>();
  if (types.has('grub-pc')) {
    menus.add('grub');
    const folders = ['/boot/grub/i386-pc', '/boot/grub2/i386-pc'];
    if (!folders.some((folder) => scene.inside.stat(`${folder}/normal.mod`) !== undefined))
      verdict.findings.push({ subject: 'GRUB', problem: 'its modules are not in /boot/grub/i386-pc' });
  }
  if (types.has('syslinux') || types.has('extlinux')) menus.add('extlinux');
  return { menus, verdict };
}

function inSectors(components: readonly Component[]): Loader[] {
  return components.flatMap((one) => (one.kind === 'loader' && one.device !== undefined ? [one] : []));
}

function coreProblem({ type, core }: Loader): string | undefined {
  return type === 'grub-pc' && core?.sectors === undefined
    ? 'the rest of GRUB is not where its boot sector looks for it'
    : undefined;
}

/** Ids of the disks that a path lies on. */
function disksUnder(path: string, scene: Scene): string[] {
  const seen = new Set(mountAt(scene, path)?.on ?? []);
  for (const id of seen) for (const below of scene.devices.get(id)?.on ?? []) seen.add(below);
  return [...seen].filter((id) => scene.devices.get(id)?.kind === 'disk');
}

function title(id: string, { devices }: Scene): string {
  const disk = devices.get(id);
  return disk !== undefined && 'device' in disk && disk.device !== undefined ? `${disk.device} (${id})` : id;
}
