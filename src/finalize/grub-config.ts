/** What GRUB offers at start: made anew where it would name something that is not so any more. */
import { grubSettings } from './boot-settings.ts';
import { commandLineOf } from './command-lines.ts';
import { layersOf, sameStack } from './layers.ts';
import { isRewritten } from './rewrite.ts';
import type { Deed, FinishCommand } from './scene.ts';
import { programInside, readInside, type Site, type Subject, thereOf } from './site.ts';

const places = ['/boot/grub/grub.cfg', '/boot/grub2/grub.cfg'];

export const grubConfig: Subject = {
  name: 'grub-config',
  async plan(site, signal) {
    const { scene } = site;
    const captured = layersOf(scene.captured.layout);
    const now = layersOf(scene.layout, scene.root);
    const environment = await savedOptions(site, commandLineOf(captured, now), signal);
    const [boot] = captured.of('boot');
    const reasons = [
      isRewritten(site, ...grubSettings) ? 'its settings are others' : undefined,
      ['/', '/boot'].every((path) => sameStack(captured, now, path, 'kernel'))
        ? undefined
        : 'the system lies on something else than it did',
      boot?.firmware === scene.firmware ? undefined : 'the machine starts by another firmware',
    ].filter((reason) => reason !== undefined);
    if (reasons.length === 0) return environment;
    const there = await thereOf(site, places, signal);
    const path = places.find((place) => there.has(place));
    if (path === undefined) return environment;
    const [update, make] = await Promise.all([
      programInside(site, ['update-grub'], signal),
      programInside(site, ['grub-mkconfig', 'grub2-mkconfig'], signal),
    ]);
    const program = update ?? make;
    if (program === undefined) {
      site.finding({ subject: path, problem: `it may name what is not there: ${reasons.join('; ')}` });
      return environment;
    }
    const command: FinishCommand = { argv: update === undefined ? [program, '-o', path] : [program], where: 'chroot' };
    const deed: Deed = {
      id: 'grub-config',
      title: `make ${path} anew`,
      why: reasons.join('; '),
      needed: true,
      files: [],
      commands: [command],
      changes: [path, `${path}.new`],
    };
    return [...environment, deed];
  },
};

/** Command lines that some distributions keep in GRUB's environment, which is written by its own program. */
async function savedOptions(site: Site, change: (line: string) => string, signal: AbortSignal): Promise<Deed[]> {
  const deeds: Deed[] = [];
  for (const path of ['/boot/grub2/grubenv', '/boot/grub/grubenv']) {
    const content = await readInside(site, path, signal);
    const line = /^kernelopts=(.*)$/m.exec(content ?? '')?.[1];
    if (line === undefined || change(line) === line) continue;
    const program = await programInside(site, ['grub2-editenv', 'grub-editenv'], signal);
    deeds.push({
      id: `file ${path}`,
      title: `make ${path} fit this machine`,
      why: 'kernels are told of devices that are called otherwise',
      needed: true,
      files: [],
      commands: [{ argv: [program ?? 'grub2-editenv', path, 'set', `kernelopts=${change(line)}`], where: 'chroot' }],
      changes: [path],
    });
  }
  return deeds;
}
