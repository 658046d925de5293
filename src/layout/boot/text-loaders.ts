/** Loaders that are known by their configuration files: boot entries, extlinux, and those that are only named. */
import { dirname } from 'node:path/posix';
import type { Asker } from '../../host/asker.ts';
import { redactText } from '../../kernel/secret.ts';
import { type BootEntry, parseEntry, parseLoaderConf } from './bls.ts';
import { parseExtlinux } from './extlinux.ts';
import type { Found } from './found.ts';
import type { Loader, loaderTypes } from './loader-schema.ts';
import type { BootRoot } from './places.ts';

export function textLoaders(found: Found, asker: Asker): Loader[] {
  return [...blsLoaders(found, asker), ...extlinuxLoaders(found), ...namedLoaders(found)];
}

/** One for each `loader` directory. */
function blsLoaders(found: Found, asker: Asker): Loader[] {
  const isPart = (path: string) => /\/loader\/(loader\.conf|entries\/[^/]+\.conf)$/.test(path);
  const directories = Map.groupBy([...found.texts.keys()].filter(isPart), (path) =>
    path.slice(0, path.lastIndexOf('/loader/') + '/loader'.length),
  );
  return [...directories].map(([directory, paths]) => {
    const conf = `${directory}/loader.conf`;
    const settings = parseLoaderConf(found.texts.get(conf) ?? []);
    const entries = paths.filter((path) => path !== conf).flatMap((path) => entryOf(path, found, asker) ?? []);
    return {
      ...at('bls', directory, found),
      config: paths.includes(conf) ? [conf] : [],
      entries: entries.sort((a, b) => (a.name < b.name ? -1 : 1)),
      ...(Object.keys(settings).length === 0 ? {} : { settings: redacted(settings) }),
    };
  });
}

function entryOf(path: string, { texts }: Found, asker: Asker): BootEntry | undefined {
  try {
    return parseEntry(path, texts.get(path) ?? []);
  } catch {
    asker.gap({ subject: path, problem: 'is no boot entry: it starts neither a kernel nor a program' });
    return undefined;
  }
}

function extlinuxLoaders(found: Found): Loader[] {
  const paths = [...found.texts.keys()].filter((path) => /\/(extlinux|syslinux|isolinux)\.(conf|cfg)$/.test(path));
  return paths.map((path) => {
    const { entries, settings } = parseExtlinux(found.texts.get(path) ?? []);
    return {
      ...at(path.includes('extlinux') ? 'extlinux' : 'syslinux', path, found),
      config: [path],
      entries,
      ...(Object.keys(settings).length === 0 ? {} : { settings: redacted(settings) }),
    };
  });
}

/** Files that show a loader of which nothing more is known. */
const marks: readonly (readonly [RegExp, Loader['type']])[] = [
  [/\/boot\.scr$/, 'u-boot'],
  [/\/start(4|_cd|4cd)?\.elf$/, 'raspberry-pi'],
  [/\/grub\/menu\.lst$/, 'grub-legacy'],
];

function namedLoaders(found: Found): Loader[] {
  const seen = new Map<string, Loader>();
  for (const { path } of found.bootFiles) {
    const type = marks.find(([pattern]) => pattern.test(path))?.[1];
    if (type === undefined) continue;
    const loader = at(type, dirname(path), found);
    seen.set(loader.id, { ...loader, config: type === 'raspberry-pi' ? [] : [path] });
  }
  return [...seen.values()];
}

function at(type: (typeof loaderTypes)[number], path: string, found: Found): Loader {
  const root = rootOf(path, found);
  const on = [...(root?.on ?? [])];
  const within = root === undefined ? path : path.slice(root.path.length);
  const id = `loader:${type}:${on.length === 0 ? path : `${on.join('+')}:${within}`}`;
  return { kind: 'loader', id, on, type, path, config: [], binaries: [], entries: [] };
}

function rootOf(path: string, { places }: Found): BootRoot | undefined {
  return places.roots
    .filter((root) => path.startsWith(`${root.path}/`))
    .toSorted((a, b) => b.path.length - a.path.length)[0];
}

function redacted(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, redactText(value)]));
}
