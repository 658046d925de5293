/**
 * Debian notes on which disks GRUB is to be installed when its package is upgraded, by names that are made of serial numbers. With none of them
 * there, the upgrade fails, and the machine may not start after it.
 */
import { nameFromBytes } from '../kernel/text.ts';
import { disksUnder, type Layers, layersOf } from './layers.ts';
import type { Deed } from './scene.ts';
import { programInside, readInside, type Site, type Subject } from './site.ts';
import { deviceOf } from './specs.ts';

const answers = '/var/cache/debconf/config.dat';
const question = 'grub-pc/install_devices';

export const grubDebconf: Subject = {
  name: 'grub-debconf',
  async plan(site, signal) {
    const content = await readInside(site, answers, signal);
    const noted = content === undefined ? [] : notedDisks(content);
    const now = layersOf(site.scene.layout, site.scene.root);
    if (noted.every((spec) => deviceOf(now, spec)?.kind === 'disk')) return [];
    const program = await programInside(site, ['debconf-set-selections'], signal);
    const wanted = await bootDisks(site, now, signal);
    if (program === undefined || wanted.length === 0) return [];
    const deed: Deed = {
      id: 'grub-debconf',
      title: `note for upgrades of GRUB that it is on ${wanted.join(', ')}`,
      why: `${noted.join(', ')} was noted, and is not here`,
      needed: false,
      files: [],
      commands: [{ argv: [program], where: 'chroot', stdin: `grub-pc ${question} multiselect ${wanted.join(', ')}\n` }],
      changes: ['/var/cache/debconf'],
    };
    return [deed];
  },
};

/** The answers are paragraphs of `Name: value`. */
export function notedDisks(content: string): string[] {
  const entry = content.split('\n\n').find((one) => new RegExp(`^Name: ${question}$`, 'm').test(one));
  const value = /^Value: (.*)$/m.exec(entry ?? '')?.[1] ?? '';
  return value.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));
}

/** Disks that GRUB was put on here, by lasting names where they have one. */
async function bootDisks({ host, earlier }: Site, now: Layers, signal: AbortSignal): Promise<string[]> {
  const ids = earlier.flatMap(({ id }) => /^grub-bios (.*)$/.exec(id)?.[1] ?? []);
  const disks = [...new Set(ids.flatMap((id) => disksUnder(now, id)))];
  if (disks.length === 0) return [];
  const find = ['find', '/dev/disk/by-id', '-type', 'l', '-printf', '%p %l\\0'] as const;
  const { stdout } = await host.run(find, { okCodes: [0, 1] }, signal);
  const links = nameFromBytes(stdout).split('\0').slice(0, -1).toSorted();
  return disks.map(({ device }) => {
    const own = links.filter((link) => link.endsWith(`/${device.slice('/dev/'.length)}`));
    const named = own.map((link) => link.split(' ')[0] ?? '').filter((path) => path !== '');
    // Those that people know their disks by.
    return named.find((path) => !/\/(wwn|dm|lvm|md|nvme-eui)-/.test(path)) ?? named[0] ?? device;
  });
}
