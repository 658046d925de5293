import { expect, test } from 'vitest';
import { smallContainer as container } from '../../test/helpers/small-container.ts';
import { layoutOf, mount } from '../../test/helpers/small-layout.ts';
import type { Container } from '../runtime/model/container.ts';
import type { StoredImage } from '../runtime/model/image.ts';
import { containerCoverage, containerPlaces } from './container-coverage.ts';
import { type CapturedContainers, type Choosing, containerData, taking } from './containers.ts';
import type { Place } from './coverage.ts';
import { coverageText } from './coverage-text.ts';

const storage = '/var/lib/containers/storage';
const layer = (id: string): string => `${storage}/overlay/${id}/diff`;

const web = container({
  storage: [storage],
  rootfs: { driver: 'overlay', path: `${storage}/overlay/up/merged`, writable: layer('up') },
  image: { reference: 'docker.io/library/app:1', id: 'aa' },
  definedBy: [{ kind: 'quadlet', paths: ['/etc/containers/systemd/web.container'] }],
  mounts: [
    { kind: 'volume', name: 'vol1', source: `${storage}/volumes/vol1/_data`, destination: '/data' },
    { kind: 'bind', source: '/srv/www', destination: '/www' },
    { kind: 'tmpfs', destination: '/tmp' },
  ],
});

const pulled: StoredImage = {
  id: 'aa',
  names: ['docker.io/library/app:1'],
  digest: 'sha256:d1',
  origin: 'registry',
  storage,
  layers: [
    { id: 'b', path: layer('b'), bytes: 1024 },
    { id: 'a', path: layer('a'), bytes: 2048 },
  ],
};

const made: StoredImage = {
  id: 'cc',
  names: ['localhost/mine:1'],
  digest: 'sha256:d2',
  origin: 'local',
  storage,
  layers: [
    { id: 'c', path: layer('c') },
    { id: 'a', path: layer('a') },
  ],
};

const backup: Choosing = {
  include: ['/'],
  exclude: [],
  crossMounts: 'none',
  containerData: true,
  containerImages: 'local',
};

const disk = { kind: 'filesystem' as const, id: 'fs', on: [], type: 'ext4', sizeBytes: 9 };
/** As podman has it: its storage is mounted upon itself. */
const layout = layoutOf(
  disk,
  mount('/', { on: ['fs'] }),
  mount(`${storage}/overlay`, { on: ['fs'], category: 'bind', root: `${storage}/overlay` }),
  mount('/net', { category: 'network' }),
  mount('/run', { category: 'memory', fstype: 'tmpfs' }),
);

const captured = (containers: Container[], images: StoredImage[] = []): CapturedContainers => ({
  containers,
  images,
  data: containerData(containers),
});

function texts(given: Partial<Choosing>, what: CapturedContainers, on = layout): Record<string, string> {
  const choosing = { ...backup, ...given };
  const places = new Map(
    containerPlaces(what).map((path): [string, Place] => [path, { name: path, path, type: 'directory' }]),
  );
  const items = containerCoverage(on, { ...choosing, ...taking(choosing, on, what) }, what, places);
  return Object.fromEntries(
    items.map(({ subject, state, reason, harmless }) => [subject, `${state}${harmless ? '' : '!'}: ${reason}`]),
  );
}

test('what only this host has of containers: what their runtime keeps, volumes, and changed files', () => {
  expect(containerData([web])).toEqual([storage, layer('up'), `${storage}/volumes/vol1/_data`]);
  expect(containerData([container({ runtime: 'process', rootfs: { path: '/srv/box' } })])).toEqual([]);
});

test('where the configuration takes it all, nothing else is taken; layers that can be pulled are left', () => {
  expect(taking(backup, layout, captured([web], [pulled]))).toEqual({
    include: ['/'],
    keep: [],
    imageLayers: [layer('a'), layer('b')],
  });
  expect(taking({ ...backup, containerImages: 'all' }, layout, captured([web], [pulled])).imageLayers).toEqual([]);
});

test('a layer that an image made here stands on is copied', () => {
  expect(taking(backup, layout, captured([web], [pulled, made])).imageLayers).toEqual([layer('b')]);
});

test.each<[string, Partial<Choosing>]>([
  ['what is included does not lead there', { include: ['/etc'] }],
  ['it is excluded', { exclude: ['/var/lib/containers'] }],
  ['a name above it is excluded', { exclude: ['lib'] }],
  ['a part of it is excluded', { exclude: [`${storage}/volumes`] }],
])('%s: the storage is taken all the same', (_, given) => {
  const what = captured([web], [pulled]);
  const { keep, include } = taking({ ...backup, ...given }, layout, what);
  expect(keep).toEqual([storage]);
  expect(include).toEqual([...(given.include ?? ['/']), storage]);
  const found = texts(given, what);
  expect(found['web: changed files']).toBe(`covered: included by ${storage}, for its containers`);
  expect(found['web: volume vol1']).toBe(`covered: included by ${storage}, for its containers`);
  const without = texts({ ...given, containerData: false }, what);
  expect(
    Object.values(without).filter((text) => text.startsWith('not-covered!') || text.startsWith('partly')).length,
  ).toBeGreaterThan(0);
});

test('a directory of the host that is mounted into a container is in the backup as the host has it', () => {
  const { include } = taking({ ...backup, include: ['/etc'] }, layout, captured([web]));
  expect(include).not.toContain('/srv/www');
  expect(texts({ include: ['/etc'] }, captured([web]))['web: /srv/www at /www']).toBe(
    'not-covered!: add /srv/www to backup.include',
  );
});

test('a volume that comes over the network, or is in memory, is not taken', () => {
  const mounts = [
    { kind: 'volume' as const, name: 'far', source: '/net/far', destination: '/far' },
    { kind: 'volume' as const, name: 'gone', source: '/run/gone', destination: '/gone' },
  ];
  const what = captured([container({ mounts })]);
  expect(taking({ ...backup, include: ['/etc'] }, layout, what).keep).toEqual([]);
  expect(texts({}, what)['web: volume far']).toContain('not-covered!');
});

test('each container says how its definition, changes, volumes and image are covered', () => {
  expect(texts({}, captured([web], [pulled]))).toEqual({
    'web: definition': 'covered: included by /',
    'web: changed files': 'covered: included by /',
    'web: volume vol1': 'covered: included by /',
    'web: /srv/www at /www': 'covered: included by /',
    'web: image docker.io/library/app:1':
      'not-covered: listed, not copied (backup.containerImages is local): it can be pulled again as docker.io/library/app@sha256:d1; "lifeboat container images --pull" does that',
  });
  expect(texts({ containerImages: 'all' }, captured([web], [pulled]))['web: image docker.io/library/app:1']).toBe(
    'covered: also to be had as docker.io/library/app@sha256:d1; its layers: included by /',
  );
});

test('an image made here is copied, and said to be nowhere else', () => {
  const own = container({ ...web, image: { reference: 'localhost/mine:1', id: 'cc' } });
  expect(texts({}, captured([own], [pulled, made]))['web: image localhost/mine:1']).toBe(
    'covered: no registry is known to have it; its layers: included by /',
  );
});

test('a container of which is not known where its files are is named as not covered', () => {
  const blind = container({ runtime: 'runc', name: 'blind' });
  const found = texts({}, captured([blind]));
  expect(found).toEqual({
    'blind: definition': 'not-covered!: where it is defined is not known',
    'blind: changed files': 'not-covered!: where its files lie is not known',
  });
  const items = containerCoverage(layout, { include: ['/'], exclude: [] }, captured([blind]), new Map());
  expect(coverageText(items)).toContain('NOT COVERED  container  blind: changed files');
});
