/** Installed packages of each package manager, by one command or file each. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import { type Place, type Places, places } from './places.ts';
import { contentsOf } from './reading.ts';

export const managers = ['dpkg', 'rpm', 'pacman', 'apk'] as const;
export type Manager = (typeof managers)[number];

export const packageSchema = z.object({
  name: z.string(),
  version: z.string(),
  arch: z.string(),
  /** Whether a person asked for it, or it came because another needs it; absent where the manager does not say. */
  reason: z.enum(['manual', 'automatic']).exactOptional(),
  /** Of dpkg, when it is anything else than `installed`: `half-configured`, `unpacked`, … */
  state: z.string().exactOptional(),
  /** Kept at its version. */
  held: z.literal(true).exactOptional(),
});

export type Package = z.infer<typeof packageSchema>;

/** A number is how many there are, from captures before lifeboat kept the list. */
export const packagesSchema = z.partialRecord(
  z.enum(managers),
  z.union([z.number().int().nonnegative(), z.array(packageSchema)]),
);

export type Packages = z.infer<typeof packagesSchema>;

const dpkgFormat = '${db:Status-Want} ${db:Status-Status} ${Package} ${Version} ${Architecture}\\n';

/** @throws Error for output that has no package in it */
export function parseDpkg(stdout: string): Package[] {
  const packages: Package[] = [];
  let lines = 0;
  for (const line of stdout.split('\n')) {
    const [want, state, name, version, arch] = line.split(' ');
    if (want === undefined || state === undefined || name === undefined) continue;
    lines += 1;
    // Without a version it was never installed, or only its configuration is left.
    if (!version || !arch || state === 'not-installed' || state === 'config-files') continue;
    packages.push({
      name,
      version,
      arch,
      ...(state === 'installed' ? {} : { state }),
      ...(want === 'hold' ? { held: true as const } : {}),
    });
  }
  if (lines === 0) throw new Error('no package in it');
  return packages;
}

/** apt's list of what came by itself: `name arch`. A package for all architectures is listed under the machine's own. */
export function parseExtendedStates(content: string): Set<string> {
  const automatic = new Set<string>();
  for (const block of content.split(/\n\s*\n/)) {
    const name = /^Package: (\S+)$/m.exec(block)?.[1];
    const arch = /^Architecture: (\S+)$/m.exec(block)?.[1];
    if (name !== undefined && /^Auto-Installed: 1$/m.test(block))
      automatic.add(`${name} ${arch ?? 'all'}`).add(`${name} all`);
  }
  return automatic;
}

const rpmFormat = '%{NAME} %{EPOCH} %{VERSION}-%{RELEASE} %{ARCH}\\n';

export function parseRpm(stdout: string): Package[] {
  const packages = stdout.split('\n').flatMap((line): Package[] => {
    const [name, epoch, version, arch] = line.split(' ');
    // Keys for signatures are kept as if they were packages.
    if (!name || epoch === undefined || version === undefined || arch === undefined || name === 'gpg-pubkey') return [];
    return [{ name, version: epoch === '(none)' || epoch === '0' ? version : `${epoch}:${version}`, arch }];
  });
  if (packages.length === 0 && stdout.trim() !== '') throw new Error('no package in it');
  return packages;
}

/** The `desc` files of pacman's database, cut down to their titles and one line after each. */
export function parsePacman(stdout: string): Package[] {
  const packages: Package[] = [];
  let fields = new Map<string, string>();
  const finish = () => {
    const [name, version, arch] = ['NAME', 'VERSION', 'ARCH'].map((field) => fields.get(field));
    if (name === undefined || version === undefined) return;
    const reason = fields.get('REASON') === '1' ? 'automatic' : 'manual';
    packages.push({ name, version, arch: arch ?? 'any', reason });
  };
  const lines = stdout.split('\n');
  for (const [index, line] of lines.entries()) {
    const title = /^%([A-Z]+)%$/.exec(line)?.[1];
    if (title === undefined) continue;
    if (title === 'NAME') {
      finish();
      fields = new Map();
    }
    fields.set(title, lines[index + 1] ?? '');
  }
  finish();
  if (packages.length === 0) throw new Error('no package in it');
  return packages;
}

/** The lines P (name), V (version) and A (architecture) of apk's database; C begins a package. */
export function parseApk(stdout: string, world: ReadonlySet<string> | undefined): Package[] {
  const packages: Package[] = [];
  let fields = new Map<string, string>();
  const finish = () => {
    const [name, version] = [fields.get('P'), fields.get('V')];
    if (name === undefined || version === undefined) return;
    const reason =
      world === undefined ? {} : { reason: world.has(name) ? ('manual' as const) : ('automatic' as const) };
    packages.push({ name, version, arch: fields.get('A') ?? 'noarch', ...reason });
  };
  for (const line of stdout.split('\n')) {
    const [, key, value] = /^([CPVA]):(.+)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    if (fields.has(key) || key === 'C') {
      finish();
      fields = new Map();
    }
    fields.set(key, value);
  }
  finish();
  if (packages.length === 0) throw new Error('no package in it');
  return packages;
}

/** What was asked for, without the versions that were asked for. */
export function parseWorld(content: string): Set<string> {
  return new Set(content.split(/\s+/).flatMap((word) => /^[^!<>=~@]+/.exec(word)?.[0] ?? []));
}

type Capture = (asker: Asker, there: Places) => Promise<Package[] | undefined>;

const captures: { readonly [M in Manager]: { readonly databases: readonly Place[]; readonly capture: Capture } } = {
  dpkg: {
    databases: ['dpkg'],
    async capture(asker) {
      const packages = await asker.ask({
        argv: ['dpkg-query', '-W', '-f', dpkgFormat],
        parse: parseDpkg,
        subject: 'dpkg packages',
      });
      const automatic = await asker.file('/var/lib/apt/extended_states', parseExtendedStates, { mayBeAbsent: true });
      if (automatic === undefined) return packages;
      return packages?.map((item) => ({
        ...item,
        reason: automatic.has(`${item.name} ${item.arch}`) ? 'automatic' : 'manual',
      }));
    },
  },
  rpm: {
    databases: ['rpmSqlite', 'rpmNdb', 'rpmSqliteOld', 'rpmNdbOld', 'rpmBerkeley'],
    capture: (asker) =>
      asker.ask({ argv: ['rpm', '-qa', '--qf', rpmFormat], parse: parseRpm, subject: 'rpm packages' }),
  },
  pacman: {
    databases: ['pacman'],
    capture: (asker) => {
      const desc = ['-mindepth', '2', '-maxdepth', '2', '-name', 'desc'];
      const lines = ['grep', '-ahsE', '-A1', '^%(NAME|VERSION|ARCH|REASON)%$', '{}', '+'];
      return asker.ask({
        argv: ['find', places.pacman, ...desc, '-exec', ...lines],
        parse: parsePacman,
        subject: 'pacman packages',
      });
    },
  },
  apk: {
    databases: ['apk', 'apkUsr'],
    async capture(asker, there) {
      const database = there.has('apk') ? places.apk : places.apkUsr;
      const world = await contentsOf(asker, 'apk packages', ['/etc/apk/world']);
      const names = world?.contents.get('/etc/apk/world');
      return await asker.ask({
        argv: ['grep', '-ahE', '^[CPVA]:', database],
        parse: (stdout) => parseApk(stdout, names === undefined ? undefined : parseWorld(names)),
        subject: 'apk packages',
      });
    },
  },
};

/** A machine has one manager, seldom two; none is a gap. */
export async function capturePackages(asker: Asker, there: Places): Promise<Packages> {
  const present = managers.filter((manager) => captures[manager].databases.some((place) => there.has(place)));
  const lists = await Promise.all(
    present.map(async (manager) => [manager, await captures[manager].capture(asker, there)] as const),
  );
  if (present.length === 0 && there.unknown !== true) {
    asker.gap({ subject: 'packages', problem: 'no package manager that lifeboat knows is here' });
  }
  const packages: Packages = {};
  for (const [manager, list] of lists) {
    // A second manager may be there for its tools; the only one has installed the system.
    if (list?.length === 0 && present.length === 1)
      asker.gap({ subject: `${manager} packages`, problem: 'the answer was empty' });
    else if (list !== undefined) packages[manager] = list.sort(byName);
  }
  return packages;
}

function byName(a: Package, b: Package): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : a.arch < b.arch ? -1 : a.arch > b.arch ? 1 : 0;
}
