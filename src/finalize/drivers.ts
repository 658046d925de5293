/** Drivers that the disks under the root filesystem need, against those in an initial filesystem. */
import { dirname } from 'node:path/posix';
import type { Argv } from '../host/host.ts';
import { disksUnder, type Layers } from './layers.ts';
import { askInside, readInside, type Site } from './site.ts';

interface Image {
  readonly version: string;
  readonly initramfs?: string;
}

/**
 * What each image lacks, as `driver for kernel`. An image that cannot be looked into lacks everything: making one too many costs
 * half a minute, one too few the machine.
 */
export async function driversMissing(
  site: Site,
  now: Layers,
  kernels: readonly Image[],
  signal: AbortSignal,
): Promise<string[]> {
  const aliases = await diskAliases(site, now, signal);
  const missing: string[] = [];
  for (const { version, initramfs } of kernels) {
    const needed = await modulesOf(site, version, aliases, signal);
    const has = initramfs === undefined ? undefined : await modulesIn(site, initramfs, signal);
    const builtIn = namesOf((await readInside(site, `/lib/modules/${version}/modules.builtin`, signal)) ?? '');
    const lacks = [...needed].filter((name) => has?.has(name) !== true && !builtIn.has(name));
    missing.push(...lacks.map((name) => `${name} for ${version}`));
  }
  return missing;
}

/** What the kernel looks for drivers by, of the disks and of the controllers that they are on. */
async function diskAliases({ host }: Site, now: Layers, signal: AbortSignal): Promise<string[]> {
  const root = now.at('/');
  const disks = root === undefined ? [] : disksUnder(now, root);
  const paths = new Set<string>();
  for (const { device } of disks) {
    const link = `/sys/class/block/${device.slice('/dev/'.length)}`;
    const { stdout } = await host.run(['realpath', '--', link], {}, signal);
    for (let path = stdout.toString('utf8').trim(); path.startsWith('/sys/devices/'); path = dirname(path))
      paths.add(`${path}/modalias`);
  }
  const [first, ...rest] = paths;
  if (first === undefined) return [];
  const { stdout } = await host.run(['grep', '-hs', '', '--', first, ...rest], { okCodes: [0, 1, 2] }, signal);
  return [...new Set(stdout.toString('utf8').split('\n').filter(isOfStorage))];
}

/** Bridges on the way have drivers, too, and work without. */
const isOfStorage = (alias: string): boolean =>
  alias !== '' && (!alias.startsWith('pci:') || /v00001AF4|bc01|bc0Csc03/i.test(alias)) && !alias.startsWith('acpi:');

/** What the kernel of the restored system has for them. */
async function modulesOf(
  site: Site,
  version: string,
  aliases: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const alias of aliases) {
    const said = await askInside(site, ['modprobe', '--set-version', version, '--resolve-alias', alias], signal);
    for (const name of said?.stdout.toString('utf8').split('\n') ?? []) if (name !== '') names.add(plain(name));
  }
  return names;
}

const listers: readonly ((image: string) => Argv)[] = [
  (image) => ['lsinitramfs', image],
  (image) => ['lsinitrd', image],
  (image) => ['lsinitcpio', image],
];

async function modulesIn(site: Site, image: string, signal: AbortSignal): Promise<ReadonlySet<string> | undefined> {
  for (const lister of listers) {
    const said = await askInside(site, lister(image), signal);
    if (said !== undefined) return namesOf(said.stdout.toString('latin1'));
  }
  return undefined;
}

const namesOf = (text: string): ReadonlySet<string> =>
  new Set([...text.matchAll(/([^\s/]+)\.ko(?:\.(?:xz|gz|zst))?$/gm)].map(([, name = '']) => plain(name)));

/** The kernel takes one for the other. */
const plain = (name: string): string => name.replaceAll('-', '_');
