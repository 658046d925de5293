/** What a backup takes of containers of the real podman on overlay, and that one comes back whose layers were left out. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { choose } from '../../src/engine/tar/choose.ts';
import type { Argv, Host } from '../../src/host/host.ts';
import { captureForPoint } from '../../src/point/capture-containers.ts';
import {
  type CapturedContainers,
  capturedContainersSchema,
  type Choosing,
  taking,
} from '../../src/point/containers.ts';
import { coverageWith } from '../../src/point/host-coverage.ts';
import { missingLayers } from '../../src/runtime/images.ts';
import { layersToPull } from '../../src/runtime/model/image.ts';
import { pullLayers } from '../../src/runtime/podman/pull.ts';
import { containerHost, containerObstacle } from '../helpers/container-host.ts';
import { layoutOf, mount } from '../helpers/small-layout.ts';
import { run, signal } from './conformance.ts';

const obstacle = containerObstacle();
const why = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;

const shell = (script: string): Argv => ['sh', '-ec', script];

/** Where the registry's part is played by a directory: what lies there is packed as a registry has it. */
const setUp = `
mkdir -p /var/lib/containers; mount -t tmpfs none /var/lib/containers
sed -i s/vfs/overlay/ /etc/containers/storage.conf
printf 'FROM scratch\\nCOPY rootfs /\\n' > /ct/base; mkdir /ct/rootfs/in-image; echo x > /ct/rootfs/in-image/gone
printf 'FROM scratch\\nCOPY base /made-here\\n' > /ct/made
podman build -q --network none -t localhost/base:1 -f /ct/base /ct
podman push -q localhost/base:1 oci:/tmp/registry:docker.io/library/app:1
podman rmi -a -f
podman pull -q oci:/tmp/registry:docker.io/library/app:1
podman build -q --network none -t localhost/made:1 -f /ct/made /ct
mkdir -p /srv/www; echo page > /srv/www/index
podman run -d --name web --network none -e DB_PASSWORD=hunter22 -v vol1:/data -v /srv/www:/www docker.io/library/app:1 \
  sh -c 'echo changed > /in-image/new; rm /in-image/gone; echo value > /data/file; sleep 1000' </dev/null >/dev/null 2>&1
podman create --name never --network none localhost/made:1 /made-here
for i in 1 2 3 4 5 6 7 8 9 10; do test -e /var/lib/containers/storage/volumes/vol1/_data/file && break; sleep 0.2; done
`;

const storage = '/var/lib/containers/storage';

/** The filesystems of that root as those of a host with disks. */
const layout = layoutOf(
  { kind: 'filesystem', id: 'fs1', on: [], type: 'ext4', sizeBytes: 9 },
  { kind: 'filesystem', id: 'fs2', on: [], type: 'ext4', sizeBytes: 9 },
  mount('/', { on: ['fs1'] }),
  mount('/var/lib/containers', { on: ['fs2'] }),
  mount(`${storage}/overlay`, { on: ['fs2'], category: 'bind', root: '/storage/overlay' }),
);

const backup: Choosing = {
  include: ['/etc'],
  exclude: ['/var/lib/containers'],
  crossMounts: 'none',
  containerData: true,
  containerImages: 'local',
};

describe.skipIf(obstacle !== undefined)(`containers in a backup${why}`, () => {
  let host: Host;
  let captured: CapturedContainers;

  beforeAll(async () => {
    host = await containerHost();
    await run(host, [shell(setUp)]);
    const { containers, gaps } = await captureForPoint(host, new Date(), signal);
    expect(gaps).toEqual([]);
    captured = containers;
  }, 600_000);
  afterAll(async () => {
    await run(host, [['podman', 'rm', '--all', '--force', '--time', '0']]);
    await host[Symbol.asyncDispose]();
  });

  async function chosen(given: Choosing): Promise<readonly string[]> {
    const taken = taking(given, layout, captured);
    const rules = { cacheDirectories: false };
    const { chosen: all } = await choose({ host, ...taken, exclude: given.exclude, rules }, signal);
    return all.map(({ path }) => `/${path}`);
  }

  test('they are captured as documents, without secrets, with their images and where those came from', () => {
    expect(captured.containers.map(({ name, state }) => `${name} ${state}`).sort()).toEqual([
      'never created',
      'web running',
    ]);
    expect(capturedContainersSchema.parse(JSON.parse(JSON.stringify(captured)))).toEqual(captured);
    expect(JSON.stringify(captured)).not.toContain('hunter22');
    const origins = captured.images.map(({ names, origin, layers }) => `${names.join()} ${origin} ${layers.length}`);
    expect(origins.sort()).toEqual(['docker.io/library/app:1 registry 1', 'localhost/made:1 local 1']);
  });

  test('what a container has changed of its image is told', () => {
    const web = captured.containers.find(({ name }) => name === 'web');
    expect(web?.rootfs?.changes).toEqual(
      expect.arrayContaining([
        { path: '/in-image/new', change: 'added' },
        { path: '/in-image/gone', change: 'deleted' },
        { path: '/in-image', change: 'modified' },
      ]),
    );
  });

  test('what only this host has is stored although it is excluded; layers that can be pulled are not', async () => {
    const paths = await chosen(backup);
    const web = captured.containers.find(({ name }) => name === 'web');
    const [layer] = layersToPull(captured.images);
    expect(paths).toContain(`${storage}/db.sql`);
    expect(paths).toContain(`${storage}/volumes/vol1/_data/file`);
    expect(paths).toContain(`${web?.rootfs?.writable}/in-image/new`);
    const made = captured.images.find(({ origin }) => origin === 'local');
    expect(paths).toContain(`${made?.layers[0]?.path}/made-here`);
    expect(paths).toContain(layer?.replace(/diff$/, 'link'));
    expect(paths.filter((path) => path === layer || path.startsWith(`${layer}/`))).toEqual([]);
    expect(paths).not.toContain('/srv/www/index');
  });

  test('with containerImages all, these are stored too; without containerData nothing that the configuration leaves', async () => {
    const [layer] = layersToPull(captured.images);
    expect(await chosen({ ...backup, containerImages: 'all' })).toContain(`${layer}/bin/busybox`);
    const without = await chosen({ ...backup, containerData: false });
    expect(without.filter((path) => path.startsWith('/var/lib'))).toEqual([]);
  });

  test('coverage tells of each what is held', async () => {
    const selection = { ...backup, ...taking(backup, layout, captured) };
    const facts = { containers: [{ manager: 'podman' as const, name: 'web', paths: ['/x'] }] };
    const items = await coverageWith(layout, selection, { facts, containers: captured }, host, signal);
    const texts = items
      .filter(({ kind }) => kind === 'container')
      .map(({ subject, state, harmless }) => `${subject} ${state}${harmless ? '' : ' !'}`);
    expect(texts.sort()).toEqual([
      'never: changed files covered',
      'never: definition covered',
      'never: image localhost/made:1 covered',
      'web: /srv/www at /www not-covered !',
      'web: changed files covered',
      'web: definition covered',
      'web: image docker.io/library/app:1 not-covered',
      'web: volume vol1 covered',
    ]);
  });

  test('a container whose layers were left out starts again once they were pulled', async () => {
    const left = layersToPull(captured.images);
    await run(host, [
      ['podman', 'stop', '--time', '0', 'web'],
      ['rm', '-r', ...left],
    ]);
    const { containers, gaps } = await captureForPoint(host, new Date(), signal);
    // There is nothing to compare it with.
    expect(gaps.map(({ subject }) => subject)).toEqual([expect.stringContaining('changes of the container')]);
    expect(containers.containers.map(({ name }) => name).sort()).toEqual(['never', 'web']);
    expect(await missingLayers(host, containers.images, signal)).toEqual(left);
    await expect(run(host, [['podman', 'start', 'web']])).rejects.toMatchObject({ code: 'command-failed' });

    const app = containers.images.find(({ origin }) => origin === 'registry');
    if (app === undefined) throw new Error('the image is not there');
    await pullLayers(host, app, left, signal, 'oci:/tmp/registry:docker.io/library/app:1');
    expect(await missingLayers(host, containers.images, signal)).toEqual([]);
    const { stdout } = await host.run(shell('ls /var/lib/containers'), {}, signal);
    expect(stdout.toString()).not.toContain('lifeboat-pull');
    await run(host, [
      shell('podman start web </dev/null >/dev/null 2>&1'),
      shell('podman exec web sh -c "test -e /in-image/new && test -e /data/file && test ! -e /in-image/gone"'),
    ]);
  });

  test('an image that no registry has is not brought back from one', async () => {
    const made = captured.images.find(({ origin }) => origin === 'local');
    if (made === undefined) throw new Error('the image is not there');
    await expect(pullLayers(host, made, [], signal)).rejects.toMatchObject({ code: 'not-found' });
  });
});
