/** Kernels that kernel-install(8) puts where loaders find them: with boot entries, or as images that carry all they need. */
import { kernelCommandLine } from './boot-settings.ts';
import { copiedFiles } from './initramfs.ts';
import { type Layers, layersOf, sameDisks, sameStack } from './layers.ts';
import { isRewritten } from './rewrite.ts';
import type { Deed, FinishCommand } from './scene.ts';
import { programInside, type Site, type Subject, thereOf } from './site.ts';

/** Each kernel of the system, added once more. */
export async function kernelInstalls(
  site: Site,
  captured: Layers,
  signal: AbortSignal,
): Promise<readonly FinishCommand[]> {
  const program = await programInside(site, ['kernel-install'], signal);
  const installed = captured.of('boot').flatMap(({ kernels }) => kernels?.installed ?? []);
  const versions = new Set([...(site.scene.captured.facts.kernels ?? []), ...installed.map(({ version }) => version)]);
  const images = [...versions].map(
    (version) => [version, `/lib/modules/${version}/vmlinuz`, `/boot/vmlinuz-${version}`] as const,
  );
  const there = await thereOf(
    site,
    images.flatMap(([, ...paths]) => paths),
    signal,
  );
  return images.flatMap(([version, ...paths]): FinishCommand[] => {
    const image = paths.find((path) => there.has(path));
    return program === undefined || image === undefined
      ? []
      : [{ argv: [program, 'add', version, image], where: 'chroot', timeoutMs: 3_600_000 }];
  });
}

/** Images that carry their initial filesystem and command line are made anew with them. */
export const unifiedImages: Subject = {
  name: 'unified-images',
  async plan(site, signal) {
    const { scene } = site;
    const captured = layersOf(scene.captured.layout);
    const now = layersOf(scene.layout, scene.root);
    const unified = captured.of('loader').filter(({ type }) => type === 'uki');
    const why = isRewritten(site, kernelCommandLine, '/etc/kernel/cmdline.d', ...copiedFiles)
      ? 'they have copies of files that say something else now'
      : !sameStack(captured, now, '/', 'kernel')
        ? 'the root filesystem lies on something else than it did'
        : sameDisks(captured, now)
          ? undefined
          : 'the disks here may need other drivers than they have';
    if (unified.length === 0 || why === undefined) return [];
    const commands = await kernelInstalls(site, captured, signal);
    if (commands.length === 0) {
      site.finding({
        subject: 'unified kernel images',
        problem: `${why}, and nothing is known to make them anew with`,
      });
      return [];
    }
    const places = unified.flatMap(({ on, path = '' }) =>
      now.mounts
        .filter((mount) => now.under(mount.on[0] ?? '').some(({ id }) => on.includes(id)))
        .map((mount) => `${mount.path}${path}`),
    );
    const deed: Deed = {
      id: 'unified-images',
      title: 'make the unified kernel images anew',
      why,
      needed: true,
      files: [],
      commands,
      changes: [...new Set(places)],
    };
    return [deed];
  },
};
