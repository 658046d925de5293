/**
 * The initial filesystem. It is kept as it was, unless what it has in it is another now, or the disks need a driver that it does not have: then
 * the host's own tool makes it anew.
 */
import { LifeboatError } from '../kernel/errors.ts';
import { crypttabFile } from '../layout/tools/crypttab.ts';
import type { ComponentOf } from '../layout/types.ts';
import { driversMissing } from './drivers.ts';
import { type Layers, layersOf, sameDisks, sameStack } from './layers.ts';
import { lvmDevicesFile } from './lvm-devices.ts';
import { mdadmFiles } from './mdadm.ts';
import { resumeFile } from './resume.ts';
import { isRewritten } from './rewrite.ts';
import type { Deed, FinishCommand } from './scene.ts';
import { filesBelow, programInside, type Site, type Subject, thereOf } from './site.ts';

type Kernel = NonNullable<ComponentOf<'boot'>['kernels']>['installed'][number];

/** Files of which it has a copy. */
export const copiedFiles = [crypttabFile, lvmDevicesFile, resumeFile, ...mdadmFiles, '/etc/udev/rules.d'];

export const initramfs: Subject = {
  name: 'initramfs',
  async plan(site, signal) {
    const { scene } = site;
    const captured = layersOf(scene.captured.layout);
    const now = layersOf(scene.layout, scene.root);
    const [boot] = captured.of('boot');
    const kernels = (boot?.kernels?.installed ?? []).filter(({ initramfs: image }) => image !== undefined);
    if (kernels.length === 0) return [];
    const why = await reasonOf(site, captured, now, kernels, signal);
    if (why === undefined) return [];
    const { maker, program } = await makerOf(
      site,
      [boot?.initramfs?.tool, ...(boot?.initramfs?.installed ?? [])],
      signal,
    );
    if (maker === undefined || program === undefined) {
      throw new LifeboatError(
        'tool-missing',
        `the initial filesystem has to be made anew, as ${why}, and the restored system has nothing known to make it with`,
        {
          hint: 'Make it by hand in a chroot of the restored system, and go on with "lifeboat recover --from finalize".',
        },
      );
    }
    const images = kernels.flatMap(({ initramfs: image }) => image ?? []);
    const beside = await filesBelow(site, ['/boot'], signal);
    const deed: Deed = {
      id: 'initramfs',
      title: `make the initial filesystem anew with ${maker.tool}`,
      why,
      needed: true,
      files: [],
      commands: maker.commands(program, await modularOf(site, kernels, signal), await thereOf(site, images, signal)),
      changes: [
        ...new Set([...images, ...beside.filter((path) => /\/(initr|booster|uInitrd)/.test(path)), ...maker.changes]),
      ],
    };
    return [deed];
  },
};

/** A rescue image, as some distributions keep one, may be of a kernel that is no more: it stays as it is. */
async function modularOf(site: Site, kernels: readonly Kernel[], signal: AbortSignal): Promise<readonly Kernel[]> {
  const modules = ({ version }: Kernel): string => `/lib/modules/${version}`;
  const there = await thereOf(site, kernels.map(modules), signal);
  const modular = kernels.filter((kernel) => there.has(modules(kernel)));
  return modular.length > 0 ? modular : kernels;
}

/** @param tools as captured, the one that is used first; any other that is there will do */
async function makerOf(
  site: Site,
  tools: readonly (string | undefined)[],
  signal: AbortSignal,
): Promise<{ readonly maker?: Maker; readonly program?: string }> {
  const rank = ({ tool }: Maker): number => (tools.includes(tool) ? tools.indexOf(tool) : tools.length);
  for (const maker of makers.toSorted((one, other) => rank(one) - rank(other))) {
    const program = await programInside(site, maker.programs, signal);
    if (program !== undefined) return { maker, program };
  }
  return {};
}

/** `undefined` where it can stay. */
async function reasonOf(
  site: Site,
  captured: Layers,
  now: Layers,
  kernels: readonly Kernel[],
  signal: AbortSignal,
): Promise<string | undefined> {
  if (isRewritten(site, ...copiedFiles)) return 'it has a copy of files that say something else now';
  if (!sameStack(captured, now, '/', 'kernel')) return 'the root filesystem lies on something else than it did';
  if (captured.at('/usr') !== captured.at('/') && !sameStack(captured, now, '/usr', 'kernel'))
    return '/usr lies on something else than it did';
  const images = kernels.flatMap(({ initramfs: image }) => image ?? []);
  const there = await thereOf(site, images, signal);
  const lost = images.find((image) => !there.has(image));
  if (lost !== undefined) return `${lost} is not there`;
  if (sameDisks(captured, now)) return undefined;
  const missing = await driversMissing(site, now, kernels, signal);
  return missing.length === 0 ? undefined : `it has not what the disks here need: ${missing.join(', ')}`;
}

interface Maker {
  readonly tool: string;
  readonly programs: readonly string[];
  commands(program: string, kernels: readonly Kernel[], there: ReadonlySet<string>): readonly FinishCommand[];
  /** Besides the images. */
  readonly changes: readonly string[];
}

const inside = (...argv: readonly [string, ...string[]]): FinishCommand => ({
  argv,
  where: 'chroot',
  timeoutMs: 3_600_000,
});

const makers: readonly Maker[] = [
  {
    tool: 'initramfs-tools',
    programs: ['update-initramfs'],
    commands: (program, kernels, there) => {
      const lost = kernels.filter(({ initramfs: image = '' }) => !there.has(image));
      return [
        inside(program, '-u', '-k', 'all'),
        ...lost.map(({ version }) => inside(program, '-c', '-k', version)),
      ].slice(lost.length === kernels.length ? 1 : 0);
    },
    changes: ['/var/lib/initramfs-tools'],
  },
  {
    tool: 'dracut',
    programs: ['dracut'],
    // By itself (--regenerate-all) it may call them otherwise than the loader does, and what fails is no failure to it.
    commands: (program, kernels) =>
      kernels.map(({ initramfs: image = '', version }) => inside(program, '--force', image, version)),
    changes: [],
  },
  {
    tool: 'mkinitcpio',
    programs: ['mkinitcpio'],
    commands: (program) => [inside(program, '--allpresets')],
    changes: [],
  },
  {
    tool: 'booster',
    programs: ['/usr/lib/booster/regenerate_images'],
    commands: (program) => [inside(program)],
    changes: [],
  },
  {
    tool: 'mkinitfs',
    programs: ['mkinitfs'],
    commands: (program, kernels) => kernels.map(({ version }) => inside(program, version)),
    changes: [],
  },
];
