/** Other code than GRUB's in boot sectors: as it was recorded, or installed again by its own program. */
import { dirname, join } from 'node:path/posix';
import { LifeboatError } from '../kernel/errors.ts';
import { nameFromBytes } from '../kernel/text.ts';
import type { ComponentOf } from '../layout/types.ts';
import { disksNow, isWritable, type Layers, layersOf } from './layers.ts';
import type { Deed, Scene } from './scene.ts';
import { programInside, type Site, type Subject } from './site.ts';

type Loader = ComponentOf<'loader'>;

export const bootCode: Subject = {
  name: 'boot-code',
  async plan(site, signal) {
    const { scene } = site;
    const captured = layersOf(scene.captured.layout);
    const now = layersOf(scene.layout, scene.root);
    const loaders = captured.of('loader');
    const needed = scene.firmware === 'bios' && !loaders.some(({ type }) => type === 'grub-pc');
    const recorded = loaders.flatMap((loader) => recordedCode(loader, captured, now, scene.disks, needed));
    const sectors = loaders.filter(({ id, type }) => /^loader:(sys|ext)linux:partition:/.test(id) || type === 'lilo');
    if (sectors.length === 0) return recorded;
    const configs = loaders.filter(
      ({ type, config }) => (type === 'extlinux' || type === 'syslinux') && config.length > 0,
    );
    const [extlinux, lilo] = await Promise.all([
      programInside(site, ['extlinux'], signal),
      programInside(site, ['lilo'], signal),
    ]);
    const installed = configs.flatMap(({ config: [path = ''] }): Deed[] =>
      extlinux === undefined
        ? missing(site, `extlinux for ${path}`, needed)
        : [
            {
              id: `extlinux ${path}`,
              title: `put extlinux into the boot sector of the partition with ${path}`,
              why: 'it lists the blocks of its files, which lie elsewhere now',
              needed,
              files: [],
              commands: [{ argv: [extlinux, '--install', dirname(path)], where: 'chroot' }],
              changes: ['ldlinux.sys', 'ldlinux.c32'].map((name) => join(dirname(path), name)),
            },
          ],
    );
    const map: Deed[] = !sectors.some(({ type }) => type === 'lilo')
      ? []
      : lilo === undefined
        ? missing(site, 'LILO', needed)
        : [
            {
              id: 'lilo',
              title: 'put LILO into the boot sector',
              why: 'it lists the blocks of kernels, which lie elsewhere now',
              needed,
              files: [],
              commands: [{ argv: [lilo], where: 'chroot' }],
              changes: ['/boot'],
            },
          ];
    return [...recorded, ...installed, ...map];
  },
};

/** Code that stands for itself: it goes on to the active partition, whatever the system on that. */
const whole: ReadonlySet<Loader['type']> = new Set(['syslinux', 'extlinux', 'windows', 'other']);

function recordedCode(
  { type, code, on }: Loader,
  captured: Layers,
  now: Layers,
  disks: Scene['disks'],
  needed: boolean,
): Deed[] {
  const [id = ''] = on;
  if (code === undefined || !whole.has(type) || captured.get(id)?.kind !== 'disk') return [];
  const bytes = Buffer.from(code, 'base64');
  const places = disksNow(captured, now, id).filter((disk) => isWritable(disks, now, disk.id));
  return places.map(({ id: disk, device }) => ({
    id: `boot-code ${disk}`,
    title: `write the code of the boot sector of ${device}`,
    why: 'boot sectors are in no backup of files',
    needed,
    files: [],
    commands: [
      {
        argv: [
          'dd',
          `of=${device}`,
          `bs=${bytes.length}`,
          'count=1',
          'iflag=fullblock',
          'conv=nocreat,notrunc,fsync',
          'status=none',
        ],
        where: 'rescue',
        stdin: nameFromBytes(bytes),
      },
    ],
    changes: [],
  }));
}

function missing({ finding }: Site, what: string, needed: boolean): Deed[] {
  const problem = `the restored system has no program for ${what}`;
  if (needed) throw new LifeboatError('tool-missing', problem, { hint: 'It would not start. Install it in a chroot.' });
  finding({ subject: 'boot sectors', problem });
  return [];
}
