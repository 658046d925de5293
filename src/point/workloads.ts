/** Guests and containers of a host, and what is truly at the places that their managers name. */
import type { Facts } from '../facts/types.ts';
import { asker } from '../host/asker.ts';
import type { Host } from '../host/host.ts';
import type { Place, Workload } from './coverage.ts';

interface Named {
  readonly kind: Workload['kind'];
  readonly name: string;
  readonly places: readonly string[];
}

/**
 * Where the data of each workload lies. Symbolic links are followed: an image may be a link to a volume, and a directory
 * of containers one to another disk.
 *
 * @throws LifeboatError only what aborted `signal`
 */
export async function locateWorkloads(
  { guests = [], containers = [] }: Pick<Facts, 'guests' | 'containers'>,
  host: Host,
  signal: AbortSignal,
): Promise<Workload[]> {
  const named: Named[] = [
    ...guests.map(({ name, disks, files = [] }) => ({ kind: 'guest' as const, name, places: [...disks, ...files] })),
    ...containers.map(({ name, paths }) => ({ kind: 'container' as const, name, places: paths })),
  ];
  const paths = [...new Set(named.flatMap(({ places }) => places))].filter((path) => path.startsWith('/'));
  const located = await locate(paths, host, signal);
  return named.map(({ kind, name, places }) => ({
    kind,
    name,
    places: places.map((place) => located.get(place) ?? { name: place, path: place, type: 'elsewhere' }),
  }));
}

/** So many paths fit into one command. */
const atOnce = 500;

/**
 * What is at each of these paths, by path.
 *
 * @throws LifeboatError only what aborted `signal`
 */
export async function locate(paths: readonly string[], host: Host, signal: AbortSignal): Promise<Map<string, Place>> {
  const questions = asker(host, signal);
  const found = new Map<string, Place>();
  for (let from = 0; from < paths.length; from += atOnce) {
    const some = paths.slice(from, from + atOnce);
    const real = await questions.ask({
      argv: ['readlink', '-z', '-m', '--', ...some],
      parse: (stdout) => oneForEach(stdout, some.length),
      subject: 'places of guests and containers',
    });
    const types =
      real === undefined
        ? undefined
        : await questions.ask({
            argv: ['find', ...real, '-maxdepth', '0', '-printf', '%p\\0%y\\0%s\\0'],
            // What is not there makes it answer 1.
            okCodes: [0, 1],
            parse: parseTypes,
            subject: 'places of guests and containers',
          });
    some.forEach((name, index) => {
      const path = real?.[index] ?? name;
      found.set(name, {
        name,
        path,
        type: 'unknown',
        ...(types === undefined ? {} : (types.get(path) ?? { type: 'absent' })),
      });
    });
  }
  return found;
}

function oneForEach(stdout: string, count: number): string[] {
  const paths = stdout.split('\0').slice(0, -1);
  if (paths.length !== count) throw new Error('not one path for each');
  return paths;
}

type Type = Pick<Place, 'type' | 'bytes'>;

function parseTypes(stdout: string): Map<string, Type> {
  const fields = stdout.split('\0').slice(0, -1);
  if (fields.length % 3 !== 0) throw new Error('not three fields for each');
  const types = new Map<string, Type>();
  for (let at = 0; at < fields.length; at += 3) {
    const [path = '', letter = '', size = ''] = fields.slice(at, at + 3);
    types.set(path, typeOf(letter, Number(size)));
  }
  return types;
}

function typeOf(letter: string, bytes: number): Type {
  if (letter === 'f') return { type: 'file', bytes };
  if (letter === 'd') return { type: 'directory' };
  return { type: letter === 'b' ? 'device' : 'unknown' };
}
