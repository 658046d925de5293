/** Containers of docker, out of its own files: asking it would start its daemon. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import { type Container, dataPaths } from './container.ts';
import { type Places, places } from './places.ts';
import { type Contents, contentsBelow, eachUnderstood } from './reading.ts';

/** Only these keys leave the host: the others hold the environment, which may hold passwords. */
const wanted = '"(Name|Image|Source|Running|AutoRemove)":("([^"\\\\]|\\\\.)*"|true|false)';

const pairSchema = z.record(z.string(), z.union([z.string(), z.boolean()]));
const configFile = /^(.+)\/containers\/([0-9a-f]+)\/(?:config\.v2|hostconfig)\.json$/;

/**
 * @param contents matches of {@link wanted}, one a line, by path
 * @param layers `mount-id` by path: which directory holds what the container has written
 */
export function parseDocker(contents: Contents, layers: Contents): Container[] {
  const found = new Map<string, { root: string; values: (readonly [string, string | boolean])[] }>();
  for (const [path, lines] of contents) {
    const [, root, id] = configFile.exec(path) ?? [];
    if (root === undefined || id === undefined) continue;
    const values = lines.split('\n').flatMap((line) => Object.entries(pairSchema.parse(JSON.parse(`{${line}}`))));
    const known = found.get(id);
    if (known === undefined) found.set(id, { root, values });
    else known.values.push(...values);
  }
  const mountIds = new Map(
    [...layers].flatMap(([path, mount]) => {
      const [, driver, id] = /\/image\/([^/]+)\/layerdb\/mounts\/([0-9a-f]+)\/mount-id$/.exec(path) ?? [];
      return driver === undefined || id === undefined ? [] : [[id, `${driver}/${mount.trim()}`] as const];
    }),
  );
  return [...found].map(([id, { root, values }]) => {
    const all = (key: string): string[] =>
      values.flatMap(([name, value]) => (name === key && typeof value === 'string' ? [value] : []));
    const is = (key: string): boolean => values.some(([name, value]) => name === key && value === true);
    // Volumes have names too; that of a container begins with a slash. The image has a name and a digest.
    const name = all('Name').find((item) => item.startsWith('/'));
    const image = all('Image').find((item) => item !== '' && !item.startsWith('sha256:'));
    const layer = mountIds.get(id);
    return {
      manager: 'docker' as const,
      name: name?.slice(1) ?? id,
      id,
      ...(image === undefined ? {} : { image }),
      running: is('Running'),
      ...(is('AutoRemove') ? { transient: true as const } : {}),
      paths: dataPaths([
        `${root}/containers/${id}`,
        ...(layer === undefined ? [] : [`${root}/${layer}`]),
        ...all('Source'),
      ]),
    };
  });
}

const configSchema = z.object({ 'data-root': z.string().optional(), graph: z.string().optional() });

/** Where docker keeps everything. */
async function dataRoot(asker: Asker, there: Places): Promise<string> {
  const config = there.has('dockerConfig')
    ? await asker.file(places.dockerConfig, (text) => configSchema.parse(JSON.parse(text)))
    : undefined;
  return (config?.['data-root'] ?? config?.graph ?? '/var/lib/docker').replace(/\/+$/, '');
}

export async function captureDocker(asker: Asker, there: Places): Promise<Container[]> {
  const root = await dataRoot(asker, there);
  const subject = 'containers';
  if (root === '/var/lib/docker' && !there.has('docker')) return [];
  const files = ['-maxdepth', '2', '(', '-name', 'config.v2.json', '-o', '-name', 'hostconfig.json', ')'];
  const mounts = ['-maxdepth', '5', '-path', '*/layerdb/mounts/*/mount-id'];
  const [contents, layers] = await Promise.all([
    contentsBelow(asker, { subject, find: [`${root}/containers`, ...files], only: wanted, end: /\.json:/ }),
    contentsBelow(asker, { subject, find: [`${root}/image`, ...mounts], end: /mount-id:/ }),
  ]);
  const valid = new Map(
    eachUnderstood(asker, 'docker containers', contents, (one, path) => {
      parseDocker(one, new Map());
      return [[path, contents.get(path) ?? ''] as const];
    }),
  );
  return parseDocker(valid, layers);
}
