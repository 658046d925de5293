/**
 * Containers of podman and CRI-O, out of their storage, and quadlets, out of their unit files. Never by asking podman:
 * its first start makes directories.
 */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import { type Container, dataPaths } from './container.ts';
import { type Places, places } from './places.ts';
import { type CommandLine, optionValues, programOf } from './processes.ts';
import { type Contents, contentsBelow, eachUnderstood } from './reading.ts';
import type { User } from './users.ts';

const listSchema = z.array(
  z.object({
    id: z.string(),
    names: z.array(z.string()).nullish(),
    layer: z.string().nullish(),
    /** JSON in JSON, with the name of the image. */
    metadata: z.string().nullish(),
    flags: z.object({ Volatile: z.boolean().nullish() }).nullish(),
  }),
);

const metadataSchema = z.object({ 'image-name': z.string().nullish() });

/** `/…/storage/overlay-containers/containers.json` and, of what `--rm` was said of, `volatile-containers.json`. */
const listFile = /^(.+)\/(\w+)-containers\/(volatile-)?containers\.json$/;
const configFile = /\/\w+-containers\/([0-9a-f]+)\/userdata\/config\.json$/;

/**
 * @param lists contents by path
 * @param sources `"source":"…"` by path of the config of a container that has been started
 * @param running identifiers; `undefined` when that is not known
 * @param owner of a storage, when it is not root's
 * @throws Error for a list that is none
 */
export function parsePodman(
  lists: Contents,
  sources: Contents,
  running: ReadonlySet<string> | undefined,
  owner: (storage: string) => string | undefined,
): Container[] {
  const mounts = new Map<string, string[]>();
  for (const [path, lines] of sources) {
    const id = configFile.exec(path)?.[1];
    if (id !== undefined) mounts.set(id, lines.split('\n').flatMap(parseSource));
  }
  return [...lists].flatMap(([path, content]) => {
    const [, storage, driver, rm] = listFile.exec(path) ?? [];
    if (storage === undefined || driver === undefined) return [];
    const user = owner(storage);
    return listSchema.parse(JSON.parse(content)).map(({ id, names, layer, metadata, flags }) => {
      const image = imageOf(metadata ?? '');
      const own = layer ? [`${storage}/${driver}/${layer}`] : [];
      // What podman itself makes for the container, such as its resolv.conf, is not its data.
      const mounted = (mounts.get(id) ?? []).filter((source) => !source.includes(`-containers/${id}/`));
      return {
        manager: 'podman' as const,
        name: names?.[0] ?? id,
        id,
        ...(image === undefined ? {} : { image }),
        ...(user === undefined ? {} : { user }),
        ...(running === undefined ? {} : { running: running.has(id) }),
        ...(rm !== undefined || flags?.Volatile === true ? { transient: true as const } : {}),
        paths: dataPaths([...own, ...mounted]),
      };
    });
  });
}

function imageOf(metadata: string): string | undefined {
  if (metadata === '') return undefined;
  const found = metadataSchema.safeParse(JSON.parse(metadata));
  return found.success && found.data['image-name'] ? found.data['image-name'] : undefined;
}

const sourceSchema = z.object({ source: z.string() });

function parseSource(match: string): string[] {
  return [sourceSchema.parse(JSON.parse(`{${match}}`)).source];
}

/** A `.container` file makes one container, by default named after the file. */
export function parseQuadlets(contents: Contents): Container[] {
  return [...contents].flatMap(([path, content]) => {
    const stem = /\/([^/]+)\.container$/.exec(path)?.[1];
    if (stem === undefined) return [];
    const setting = (key: string): string[] =>
      [...content.matchAll(new RegExp(`^${key}=\\s*(.+?)\\s*$`, 'gm'))].flatMap(([, value]) => value ?? []);
    const image = setting('Image').at(-1);
    return [
      {
        manager: 'podman' as const,
        name: setting('ContainerName').at(-1) ?? `systemd-${stem}`,
        ...(image === undefined ? {} : { image }),
        paths: dataPaths(setting('Volume').map((volume) => volume.replace(/:.*$/, ''))),
      },
    ];
  });
}

/** Of the processes that watch over a container. */
export function parseConmon(lines: readonly CommandLine[]): Set<string> {
  return new Set(lines.filter((line) => programOf(line) === 'conmon').flatMap((line) => optionValues(line, '-c')));
}

const listTests = ['-maxdepth', '2', '-path', '*-containers/*containers.json'];
const configTests = ['-maxdepth', '4', '-path', '*-containers/*/userdata/config.json'];

export async function capturePodman(
  asker: Asker,
  there: Places,
  homes: readonly User[],
  supervisors: readonly CommandLine[] | undefined,
): Promise<Container[]> {
  const own = homes.map(({ name, home }) => [`${home}/.local/share/containers/storage`, name] as const);
  const owners = new Map<string, string>(own.filter(([path]) => path.isWellFormed() && !path.startsWith('/root/')));
  const storages = [...(there.has('podman') ? [places.podman] : []), ...owners.keys()];
  const subject = 'containers';
  // The lists of all storages in one question; only of those that hold containers more is asked.
  const lists =
    storages.length === 0
      ? new Map<string, string>()
      : await contentsBelow(asker, { subject, find: [...storages, ...listTests], end: /containers\.json:/ });
  const used = storages.filter((storage) => [...lists.keys()].some((path) => path.startsWith(`${storage}/`)));
  const [sources, quadlets] = await Promise.all([
    used.length === 0
      ? new Map<string, string>()
      : contentsBelow(asker, {
          subject,
          find: [...used, ...configTests],
          // Nothing but this: the rest of such a file holds the environment, which may hold passwords.
          only: '"source":"([^"\\\\]|\\\\.)*"',
          end: /config\.json:/,
        }),
    there.has('quadlets')
      ? contentsBelow(asker, {
          subject,
          find: [places.quadlets, '-name', '*.container'],
          pattern: '^(ContainerName|Image|Volume)=',
          end: /\.container:/,
        })
      : new Map<string, string>(),
  ]);
  const running = supervisors && parseConmon(supervisors);
  const known = eachUnderstood(asker, 'podman containers', lists, (list) =>
    parsePodman(list, sources, running, (storage) => owners.get(storage)),
  );
  const names = new Set(known.map(({ name }) => name));
  return [...known, ...parseQuadlets(quadlets).filter(({ name }) => !names.has(name))];
}
