/**
 * GRUB for BIOS, in boot sectors. What it consists of lies in files, too: on the same layers these are put where they were, and
 * nothing is made anew.
 */
import type { ComponentOf } from '../layout/types.ts';
import { biosBootType } from '../layout/rebuild/rewrites/partitions.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { disksNow, disksUnder, isWritable, type Layers, layersOf, sameStack } from './layers.ts';
import type { Deed, FinishCommand } from './scene.ts';
import { askInside, programInside, type Site, type Subject, thereOf } from './site.ts';

type Disk = ComponentOf<'disk'>;
type Loader = ComponentOf<'loader'>;

/** Where GRUB's files for BIOS are, by the directory of its configuration. */
const platform = 'i386-pc';
const setupNames = [
  `/usr/lib/grub/${platform}/grub-bios-setup`,
  `/usr/lib/grub2/${platform}/grub2-bios-setup`,
  'grub-bios-setup',
  'grub2-bios-setup',
];

/** Of a disk, or of a partition whose own boot sector it is in. */
interface Place {
  readonly id: string;
  readonly device: string;
  readonly loader?: Loader;
  /** Its own boot sector is that of a partition, so that blocks of files are listed there. */
  readonly listed: boolean;
}

export const grubBios: Subject = {
  name: 'grub-bios',
  async plan(site, signal) {
    const { scene } = site;
    const [captured, now] = [layersOf(scene.captured.layout), layersOf(scene.layout, scene.root)];
    const all = placesOf(captured, now, scene.firmware);
    const places = all.filter(({ id }) => isWritable(scene.disks, now, id));
    for (const { device } of all.filter((place) => !places.includes(place)))
      site.finding({ subject: device, problem: 'GRUB is not put there: it is no disk of the plan' });
    if (places.length === 0) {
      if (scene.firmware === 'bios' && !captured.of('loader').some(({ type }) => startsByBios.has(type)))
        site.finding({ subject: 'boot sectors', problem: 'no loader for BIOS was recorded, and none is put anywhere' });
      return [];
    }
    const install = await programInside(site, ['grub-install', 'grub2-install'], signal);
    const needed = scene.firmware === 'bios';
    if (install === undefined) return missing(site, places, needed);
    const directory = install.endsWith('grub2-install') ? '/boot/grub2' : '/boot/grub';
    const files = `${directory}/${platform}`;
    const images = ['boot.img', 'core.img'].map((name) => `${files}/${name}`);
    const [setup, there] = await Promise.all([
      programInside(site, setupNames, signal),
      thereOf(site, [...images, `/usr/lib/grub/${platform}/boot.img`], signal),
    ]);
    const boot = now.at(directory);
    const own = new Set(boot === undefined ? [] : disksUnder(now, boot).map(({ id }) => id));
    // The one image there is may be that of another disk, unless it fits all.
    const fitting = places.length === 1 || places.every(({ id }) => own.has(id));
    const whole = fitting && images.every((path) => there.has(path)) && sameStack(captured, now, directory, 'loader');
    const sectors = whole ? await imageSectors(site, `${files}/core.img`, signal) : undefined;
    if (!there.has(`/usr/lib/grub/${platform}/boot.img`) && !whole) return missing(site, places, needed);
    return places.map((place, index): Deed => {
      const anew = installed(install, place);
      const kept = setup !== undefined && isKept(place, sectors) ? put(setup, files, place) : undefined;
      const deed: Deed = {
        id: `grub-bios ${place.id}`,
        title: `put GRUB into the boot sector of ${place.device}`,
        why:
          place.loader === undefined
            ? 'the machine starts from it by BIOS'
            : 'boot sectors are in no backup of files, and it was in that one',
        // Another disk of a mirror may be all that is needed.
        needed: needed && index === 0,
        files: [],
        commands: [anew],
        changes: [files, `${directory}/locale`, `${directory}/fonts`, `${directory}/grubenv`],
      };
      return kept === undefined ? deed : { ...deed, commands: [kept], changes: [], otherwise: deed };
    });
  },
};

/** Where it was, and where the machine may start from now. */
function placesOf(captured: Layers, now: Layers, firmware: 'bios' | 'uefi'): Place[] {
  const loaders = captured.of('loader').filter(({ type }) => type === 'grub-pc');
  const places = loaders.flatMap((loader): Place[] => {
    const [id = ''] = loader.on;
    const was = captured.get(id);
    if (was?.kind === 'disk') return disksNow(captured, now, id).map((disk) => ({ ...placeOf(disk), loader }));
    const here = now.get(id);
    return here === undefined || !('device' in here) || here.device === undefined
      ? []
      : [{ id, device: here.device, loader, listed: was?.kind === 'partition' }];
  });
  const other = captured.of('loader').some(({ type }) => type !== 'grub-pc' && startsByBios.has(type));
  const boot = now.at('/boot/grub') ?? now.at('/');
  // By which others the machine starts now, such as the other disk of a mirror that was made.
  const more =
    firmware !== 'bios' || other || boot === undefined
      ? []
      : disksUnder(now, boot)
          .filter((disk) => hasRoom(now, disk))
          .map(placeOf);
  return [...new Map([...more, ...places].map((place) => [place.id, place])).values()];
}

/** Loaders that are, or may be, in boot sectors. */
export const startsByBios: ReadonlySet<string> = new Set(['grub-pc', 'extlinux', 'syslinux', 'lilo', 'grub-legacy']);

const placeOf = ({ id, device }: Disk): Place => ({ id, device, listed: false });

/** A GPT needs a partition for it; an MBR has a gap. */
export function hasRoom(now: Layers, disk: Disk): boolean {
  const table = now.of('table').find(({ on }) => on.includes(disk.id));
  if (table === undefined) return false;
  return (
    table.type === 'dos' ||
    now.over(disk.id).some((one) => one.kind === 'partition' && one.typeId?.toLowerCase() === biosBootType)
  );
}

/** As long as on the disk, with as much again by which damage is repaired: it is what was there. */
function isKept({ loader, listed }: Place, sectors: number | undefined): boolean {
  return !listed && sectors !== undefined && loader?.core?.sectors === 2 * sectors;
}

async function imageSectors(site: Site, path: string, signal: AbortSignal): Promise<number | undefined> {
  const said = await askInside(site, ['stat', '--format=%s', '--', path], signal);
  return said === undefined ? undefined : Math.ceil(Number(said.stdout.toString('utf8')) / 512);
}

const put = (setup: string, files: string, { device }: Place): FinishCommand => ({
  argv: [setup, `--directory=${files}`, device],
  where: 'chroot',
});

/** Its map of devices, where there is one, is of the old ones. */
const installed = (install: string, { device, listed }: Place): FinishCommand => ({
  argv: [install, `--target=${platform}`, '--recheck', '--no-floppy', ...(listed ? ['--force'] : []), device],
  where: 'chroot',
});

function missing(site: Site, places: readonly Place[], needed: boolean): Deed[] {
  const devices = places.map(({ device }) => device).join(', ');
  if (!needed) {
    site.finding({
      subject: devices,
      problem: 'GRUB for BIOS was on it, and the restored system has no programs for it',
    });
    return [];
  }
  throw new LifeboatError('tool-missing', `the restored system has no GRUB for BIOS to put on ${devices}`, {
    hint: 'It would not start. Install it in it: with Debian, "apt install grub-pc" in a chroot.',
  });
}
