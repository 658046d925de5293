/** All menus of a recovered system: what their entries would start, found in it. */
import { dirname } from 'node:path/posix';
import { type BootEntry, parseEntry } from '../../layout/boot/bls.ts';
import { parseExtlinux } from '../../layout/boot/extlinux.ts';
import type { Scene } from '../scene.ts';
import type { Startable } from './entry.ts';
import { type GrubEntry, type GrubMenu, parseGrubCfg } from './grub-cfg.ts';

export interface Menu {
  /** Its file in the system. */
  readonly path: string;
  readonly loader: 'grub' | 'entries' | 'extlinux';
  readonly entries: readonly Startable[];
  /** Which of them is started by itself; `undefined` where that cannot be told. */
  readonly first: Startable | undefined;
  /** What keeps the menu itself from coming. */
  readonly problems: readonly string[];
}

export function menusOf(scene: Scene): Menu[] {
  return [...grubMenus(scene), ...entryMenus(scene), ...extlinuxMenus(scene)];
}

function grubMenus(scene: Scene): Menu[] {
  return ['/boot/grub/grub.cfg', '/boot/grub2/grub.cfg'].flatMap((path): Menu[] => {
    const text = scene.inside.text(path);
    if (text === undefined) return [];
    const menu = parseGrubCfg(text, scene.inside.text(`${dirname(path)}/grubenv`) ?? '');
    // Of these it takes the newest first, and other loaders' rules do not hold.
    const separate = menu.bls ? entriesIn('/boot', scene) : [];
    const own = menu.entries.map((entry) => ({ entry, start: startOfGrub(entry, scene) }));
    const entries = [...separate, ...own.map(({ start }) => start)];
    const first = separate[0] ?? defaultOf(menu, own, scene.inside.text(`${dirname(path)}/grubenv`) ?? '');
    const problems = menu.searches
      .filter((spec) => scene.devices.meant(spec).length === 0 && scene.before.meant(spec).length > 0)
      .map((spec) => `it searches for ${spec}, and there is no such device`);
    return [
      {
        path,
        loader: 'grub',
        entries,
        first,
        problems: entries.length === 0 ? [...problems, 'it has no entry that starts a kernel'] : problems,
      },
    ];
  });
}

function startOfGrub({ title, search, linux, initrd, options }: GrubEntry, scene: Scene): Startable {
  const find = (path: string) => {
    const found = grubPath(path, search, scene);
    return { path: found ?? path, found: found !== undefined };
  };
  return { name: `GRUB "${title}"`, linux: find(linux), initrd: initrd.map(find), options };
}

/** GRUB sees a filesystem from its top, whatever part of it is mounted where. */
export function grubPath(
  path: string,
  search: string | undefined,
  { mounts, devices, inside }: Scene,
): string | undefined {
  const all = mounts.filter(({ on, category }) => on.length > 0 && category !== 'pseudo');
  const own = search === undefined ? all : all.filter(({ on }) => devices.leadsTo(search, on[0] ?? ''));
  for (const mount of own) {
    const top = mount.root === '/' ? '' : mount.root;
    const below = path.startsWith(`${top}/`) ? [path.slice(top.length)] : [];
    // Some distributions name files of btrfs from the subvolume that is mounted by default.
    for (const rest of [...below, path]) {
      const full = `${mount.path === '/' ? '' : mount.path}${rest}`;
      if (inside.stat(full) !== undefined) return full;
    }
  }
  return undefined;
}

/** By number, title or id; one in another menu has that before it. */
function defaultOf(
  menu: GrubMenu,
  own: readonly { readonly entry: GrubEntry; readonly start: Startable }[],
  env: string,
): Startable | undefined {
  const saved = /^saved_entry=(.*)$/m.exec(env)?.[1];
  const chosen = menu.default === undefined || menu.default.includes('$') ? (saved ?? '0') : menu.default;
  const parts = chosen.split('>');
  const last = parts.at(-1) ?? '';
  const byName = own.find(({ entry }) => entry.title === last || entry.id === last);
  if (byName !== undefined) return byName.start;
  if (parts.length > 1 || !/^\d+$/.test(last)) return own[0]?.start;
  // A menu within the menu counts as one.
  const tops = own.filter(
    ({ entry }, index) => entry.within.length === 0 || entry.within[0] !== own[index - 1]?.entry.within[0],
  );
  return (tops[Number(last)] ?? own[0])?.start;
}

/** Of systemd-boot, and of whatever else reads them. */
function entryMenus(scene: Scene): Menu[] {
  const places = scene.mounts
    .map(({ path }) => path)
    .filter((path) => ['/boot', '/efi', '/boot/efi', '/esp'].includes(path));
  return [...new Set([...places, '/boot'])].flatMap((place): Menu[] => {
    const entries = entriesIn(place, scene);
    if (entries.length === 0) return [];
    const conf = scene.inside.text(`${place}/loader/loader.conf`) ?? '';
    const pattern = /^\s*default\s+(\S+)/m.exec(conf)?.[1]?.replace(/\.conf$/, '');
    const first =
      pattern === undefined
        ? undefined
        : entries.find(({ name }) => matches(pattern, name.slice(name.indexOf(' ') + 1)));
    return [
      {
        path: `${place}/loader/entries`,
        loader: 'entries',
        entries,
        first: first ?? (entries.length === 1 ? entries[0] : undefined),
        problems: [],
      },
    ];
  });
}

function entriesIn(place: string, scene: Scene): Startable[] {
  const names = scene.inside.names(`${place}/loader/entries`).filter((name) => name.endsWith('.conf'));
  const newestFirst = names.toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  return newestFirst.flatMap((name): Startable[] => {
    const text = scene.inside.text(`${place}/loader/entries/${name}`) ?? '';
    const entry = parsed(name, text.split('\n'));
    return entry === undefined ? [] : [startOf(`entry ${entry.name}`, entry, place, scene)];
  });
}

function parsed(name: string, lines: readonly string[]): BootEntry | undefined {
  try {
    return parseEntry(name, lines);
  } catch {
    // It starts nothing: nobody comes by it.
    return undefined;
  }
}

/** @param place where the paths begin, or further up */
function startOf(name: string, { linux, efi, initrd, options }: BootEntry, place: string, scene: Scene): Startable {
  const find = (path: string) => {
    const plain = path.startsWith('/') ? path : `/${path}`;
    const found = [`${place}${plain}`, plain].find(
      (one) => scene.inside.stat(scene.inside.spelled(one) ?? one) !== undefined,
    );
    return { path: found === undefined ? path : (scene.inside.spelled(found) ?? found), found: found !== undefined };
  };
  const started = linux ?? efi;
  const variables = /\$(tuned_initrd|tuned_params|kernelopts|grub_users|grub_arg|grub_class)\b/g;
  return {
    name,
    linux: started === undefined ? undefined : find(started),
    initrd: initrd
      .map((one) => one.replace(variables, '').trim())
      .filter((one) => one !== '')
      .map(find),
    options: withKernelopts(options ?? '', place, scene),
  };
}

/** Some distributions keep the command line in GRUB's own environment. */
function withKernelopts(options: string, place: string, { inside }: Scene): string {
  const env =
    ['grub2', 'grub'].map((name) => inside.text(`${place}/${name}/grubenv`)).find((one) => one !== undefined) ?? '';
  const kernelopts = /^kernelopts=(.*)$/m.exec(env)?.[1] ?? '';
  return options
    .replace(/\$kernelopts\b/, kernelopts)
    .replace(/\$tuned_params\b/, '')
    .trim();
}

function matches(pattern: string, name: string): boolean {
  const text = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${text}$`, 'i').test(name);
}

function extlinuxMenus(scene: Scene): Menu[] {
  const files = [
    '/boot/extlinux/extlinux.conf',
    '/boot/syslinux/syslinux.cfg',
    '/boot/extlinux.conf',
    '/extlinux.conf',
  ];
  return files.flatMap((path): Menu[] => {
    const text = scene.inside.text(path);
    if (text === undefined) return [];
    const { entries, settings } = parseExtlinux(text.split('\n'));
    const folder = dirname(path);
    const starts = entries.map((entry) => {
      // Beside the configuration, or from the top of its filesystem.
      const find = (one: string) => {
        const found = one.startsWith('/')
          ? grubPath(one, undefined, scene)
          : scene.inside.stat(`${folder}/${one}`) && `${folder}/${one}`;
        return { path: found ?? one, found: found !== undefined };
      };
      const linux = entry.linux === undefined ? undefined : find(entry.linux);
      return {
        label: entry.name,
        start: { name: `entry ${entry.name}`, linux, initrd: entry.initrd.map(find), options: entry.options ?? '' },
      };
    });
    const chosen =
      starts.find(({ label }) => label === settings['default'] || label === settings['ontimeout']) ?? starts[0];
    return [
      { path, loader: 'extlinux', entries: starts.map(({ start }) => start), first: chosen?.start, problems: [] },
    ];
  });
}
