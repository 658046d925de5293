/** How many packages each package manager has installed. */
import type { Argv } from '../host/host.ts';
import type { Asker } from '../host/asker.ts';
import type { Facts } from './types.ts';

const managers = ['dpkg', 'rpm', 'pacman', 'apk'] as const;
type Manager = (typeof managers)[number];

interface Source {
  /** Where its database is: the manager is asked only when that is there. */
  readonly database: string;
  readonly argv: Argv;
  readonly installed: (line: string) => boolean;
}

const any = (line: string): boolean => line !== '';

const sources: { readonly [M in Manager]: Source } = {
  dpkg: {
    database: '/var/lib/dpkg',
    argv: ['dpkg-query', '-W', '-f', '${db:Status-Status} ${Package}\\n'],
    installed: (line) => line.startsWith('installed '),
  },
  rpm: { database: '/usr/lib/sysimage/rpm', argv: ['rpm', '-qa'], installed: any },
  pacman: { database: '/var/lib/pacman', argv: ['pacman', '-Qq'], installed: any },
  apk: { database: '/lib/apk/db', argv: ['apk', 'info'], installed: any },
};

/** rpm's database was here before it moved. */
const oldRpm = '/var/lib/rpm';

function countLines(stdout: string, installed: (line: string) => boolean): number {
  return stdout.split('\n').filter(installed).length;
}

/** A machine has one manager, seldom two; none is a gap. */
export async function capturePackages(asker: Asker): Promise<Facts['packages']> {
  const places = [...Object.values(sources).map(({ database }) => database), oldRpm];
  const [first = oldRpm, ...rest] = places;
  const there = await asker.ask({
    argv: ['ls', '-d', first, ...rest],
    // It answers 2 when one of them is not there.
    okCodes: [0, 1, 2],
    parse: (stdout) => new Set(stdout.split('\n').filter(any)),
    subject: 'package managers',
  });
  const counts: Facts['packages'] = {};
  if (there === undefined) return counts;
  if (there.has(oldRpm)) there.add(sources.rpm.database);
  for (const manager of managers) {
    const { database, argv, installed } = sources[manager];
    if (!there.has(database)) continue;
    const count = await asker.ask({
      argv,
      parse: (stdout) => countLines(stdout, installed),
      subject: `${manager} packages`,
    });
    if (count !== undefined) counts[manager] = count;
  }
  if (there.size === 0) asker.gap({ subject: 'packages', problem: 'no package manager that lifeboat knows is here' });
  return counts;
}
