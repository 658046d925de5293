/**
 * The EFI system partition of a system that did not have it mounted when it was captured, as where it is mounted when somebody looks into it: a
 * loader has to be put there, and no file of it is in the point.
 */
import type { Host } from '../host/host.ts';
import { placeIn } from '../host/place-in.ts';
import type { ComponentOf, Layout } from '../layout/types.ts';
import { espsOf, espTypes } from './esp.ts';
import { type Layers, layersOf } from './layers.ts';
import type { Scene } from './scene.ts';
import { siteOf, type Site, thereOf } from './site.ts';

type Mount = ComponentOf<'mount'>;

/**
 * Mounts it where fstab says, or else where systemd does, if there is one alone that can be meant. Can be repeated.
 *
 * @returns the layout of the scene with that mount, and its path in the system
 */
export async function withEsp(
  scene: Scene,
  host: Host,
  signal: AbortSignal,
): Promise<{ readonly layout: Layout; readonly path?: string }> {
  const { layout, root } = scene;
  const now = layersOf(layout, root);
  if (scene.firmware !== 'uefi' || espsOf(now).length > 0) return { layout };
  const site = { ...siteOf(scene, host, []), earlier: [] };
  const found = await espOf(site, now, signal);
  if (found === undefined) return { layout };
  const place = await placeIn(root, found.path);
  await host.run(['mkdir', '-p', '--', place], {}, signal);
  const { code } = await host.run(['mountpoint', '-q', place], { okCodes: [0, 1, 32] }, signal);
  if (code !== 0) await host.run(['mount', '-t', 'vfat', '-o', 'noatime', '--', found.device, place], {}, signal);
  const mount: Mount = {
    kind: 'mount',
    id: `mount:${place}`,
    on: [found.filesystem],
    path: `${root}${found.path}`,
    mounted: true,
    source: found.device,
    fstype: 'vfat',
    options: 'rw,noatime',
    root: '/',
    category: 'local',
  };
  return { layout: { ...layout, components: [...layout.components, mount] }, path: found.path };
}

async function espOf(site: Site, now: Layers, signal: AbortSignal) {
  const { scene } = site;
  const planned = layersOf(scene.planned ?? scene.captured.layout);
  const candidates = now.of('partition').flatMap((partition) => {
    const fat = now.tree.above(partition.id).find(({ kind }) => kind === 'vfat');
    const isEsp = espTypes.has(partition.typeId?.toLowerCase() ?? '') && planned.get(partition.id) !== undefined;
    return !isEsp || fat === undefined ? [] : [{ filesystem: fat.id, device: partition.device }];
  });
  const lines = planned.mounts.filter(({ fstab }) => fstab !== undefined);
  for (const one of candidates) {
    const line = lines.find(({ on }) => on.includes(one.filesystem));
    if (line !== undefined) return { ...one, path: line.path };
  }
  const [only, ...others] = candidates;
  if (only === undefined || others.length > 0) return undefined;
  const path = (await placeNow(site, only.device, signal)) ?? (await usualPlace(site, signal));
  return path === undefined ? undefined : { ...only, path };
}

const places = ['/efi', '/boot/efi', '/boot'];

/** Where an earlier call mounted it: there is something in that directory since. */
async function placeNow({ scene, host }: Site, device: string, signal: AbortSignal): Promise<string | undefined> {
  const argv = ['findmnt', '--noheadings', '--raw', '--output', 'TARGET', '--source', device] as const;
  const targets = (await host.run(argv, { okCodes: [0, 1] }, signal)).stdout.toString().split('\n');
  for (const path of places) if (targets.includes(await placeIn(scene.root, path))) return path;
  return undefined;
}

/** Of directories that are there, and have nothing in them. */
async function usualPlace(site: Site, signal: AbortSignal): Promise<string | undefined> {
  const there = await thereOf(site, places, signal);
  for (const place of places.filter((path) => there.has(path))) {
    const find = ['find', place, '-mindepth', '1', '-maxdepth', '1', '-print', '-quit'] as const;
    const { stdout } = await site.inside.run(find, {}, signal);
    if (stdout.length === 0) return place;
  }
  return undefined;
}
