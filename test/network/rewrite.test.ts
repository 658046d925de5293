/** The configuration of a system below a directory is made to fit other cards: all files or none of each, whoever is killed on the way. */
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { localHost } from '../../src/host/local.ts';
import type { Host } from '../../src/host/host.ts';
import { LifeboatError } from '../../src/kernel/errors.ts';
import { applyWritten } from '../../src/network/rebuild/written/apply.ts';
import { filesBelow } from '../../src/network/rebuild/written/files.ts';
import { planWritten } from '../../src/network/rebuild/written/plan.ts';
import { contentDigest } from '../../src/network/rebuild/written/rewrite.ts';
import type { Link, Network } from '../../src/network/types.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const { signal } = new AbortController();

const card = (name: string, number: number, slot: number): Link => ({
  name,
  index: number,
  kind: 'ether',
  mtu: 1500,
  state: 'up',
  permanentMac: `52:54:00:00:00:0${number}`,
  mac: `52:54:00:00:00:0${number}`,
  busPath: `pci0000:00/0000:00:0${slot}.0`,
  driver: 'virtio_net',
  addresses: [
    { address: `192.0.${number}.1`, prefix: 24, family: 'inet', scope: 'global', dynamic: false, origin: 'static' },
  ],
});

const network = (links: readonly Link[], files: ReadonlyMap<string, string> = new Map()): Network => ({
  format: 'lifeboat.network/1',
  capturedAt: '2026-11-21T12:00:00.000Z',
  hostname: 'web1',
  links: [...links],
  routes: [],
  dns: { servers: [], search: [] },
  files: [...files].map(([path, content]) => ({ path, content, digest: contentDigest(path, content) })),
  gaps: [],
});

const was: Readonly<Record<string, string>> = {
  '/etc/network/interfaces': 'auto ens3\niface ens3 inet dhcp\n  wpa-psk hunter2-secret\n',
  '/etc/NetworkManager/system-connections/b.nmconnection':
    '[connection]\ninterface-name=ens3\n[wifi-security]\npsk=hunter2-secret\n',
  '/etc/sysconfig/network-scripts/ifcfg-ens3': 'DEVICE=ens3\nHWADDR=52:54:00:00:00:01\n',
  '/etc/sysconfig/network-scripts/ifcfg-ens4': 'DEVICE=ens4\nHWADDR=52:54:00:00:00:02\n',
  '/etc/resolvconf.conf': 'nothing of links \u{dc80}\n',
};

/** The cards have exchanged their places, so ens3 is called ens4 now, and the other way round. */
const wanted = network([card('ens3', 1, 3), card('ens4', 2, 4)], new Map(Object.entries(was)));
const found = network([card('ens3', 4, 3), card('ens4', 3, 4)].map((link) => ({ ...link, addresses: [] })));
const named = new Map([
  ['ens3', 'ens4'],
  ['ens4', 'ens3'],
]);

const is: Readonly<Record<string, string>> = {
  '/etc/network/interfaces': 'auto ens4\niface ens4 inet dhcp\n  wpa-psk hunter2-secret\n',
  '/etc/NetworkManager/system-connections/b.nmconnection':
    '[connection]\ninterface-name=ens4\n[wifi-security]\npsk=hunter2-secret\n',
  '/etc/sysconfig/network-scripts/ifcfg-ens4': 'DEVICE=ens4\nHWADDR=52:54:00:00:00:03\n',
  '/etc/sysconfig/network-scripts/ifcfg-ens3': 'DEVICE=ens3\nHWADDR=52:54:00:00:00:04\n',
  '/etc/resolvconf.conf': 'nothing of links \u{dc80}\n',
};

async function tree(files: Readonly<Record<string, string>>) {
  const root = await temporaryDirectory();
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root.path, path)), { recursive: true });
    await writeFile(join(root.path, path), Buffer.from(content.replaceAll('\u{dc80}', '\x80'), 'latin1'), {
      mode: 0o600,
    });
  }
  return root;
}

const request = async (host: Host, root: string) => ({
  wanted,
  found,
  named,
  root,
  files: await filesBelow(host, root, signal),
  given: new Map(),
});

test('cards that exchanged their names, killed after every command', async () => {
  await using root = await tree(was);
  await chmod(join(root.path, '/etc/network/interfaces'), 0o644);
  const modeOf = async (path: string): Promise<number> => (await stat(join(root.path, path))).mode & 0o777;
  const base = localHost();
  const plan = planWritten(await request(base, root.path));
  expect(plan.files.map(({ path, renamedTo, lines }) => [path, renamedTo, lines.length])).toEqual([
    ['/etc/NetworkManager/system-connections/b.nmconnection', undefined, 1],
    ['/etc/network/interfaces', undefined, 2],
    ['/etc/sysconfig/network-scripts/ifcfg-ens3', '/etc/sysconfig/network-scripts/ifcfg-ens4', 2],
    ['/etc/sysconfig/network-scripts/ifcfg-ens4', '/etc/sysconfig/network-scripts/ifcfg-ens3', 2],
  ]);
  expect(JSON.stringify(plan)).not.toContain('hunter2');
  expect(plan.notes.filter((note) => note.startsWith('unverified'))).toHaveLength(2);
  let killed = 0;
  for (let lives = true; lives; ) {
    let left = ++killed;
    const host: Host = {
      ...base,
      run: async (argv, options, inner) => {
        const result = await base.run(argv, options, inner);
        if (['dd', 'cp', 'mv', 'rm'].includes(argv[0]) && --left === 0) throw new LifeboatError('failed', 'killed');
        return result;
      },
    };
    lives = await applyWritten(plan, host, () => {}, signal).then(
      () => false,
      (error: unknown) => {
        if (!(error instanceof LifeboatError) || error.message !== 'killed') throw error;
        return true;
      },
    );
  }
  expect(killed).toBeGreaterThan(4);
  const after = await filesBelow(base, root.path, signal);
  expect(Object.fromEntries(after)).toEqual(is);
  expect(await modeOf('/etc/network/interfaces')).toBe(0o644);
  expect(await modeOf('/etc/NetworkManager/system-connections/b.nmconnection')).toBe(0o600);
  const left = await readdir(join(root.path, '/etc/sysconfig/network-scripts'));
  expect(left.toSorted()).toEqual(['ifcfg-ens3', 'ifcfg-ens4']);
  // Done once more it does nothing, and a plan that would exchange the names back is refused.
  await applyWritten(plan, base, () => {}, signal);
  expect(Object.fromEntries(await filesBelow(base, root.path, signal))).toEqual(is);
  const again = await request(base, root.path);
  expect(() => planWritten(again)).toThrow(/not as it was captured/);
});

test('a file that was changed since the plan was made is not touched, nor is any other', async () => {
  await using root = await tree(was);
  const host = localHost();
  const plan = planWritten(await request(host, root.path));
  const file = join(root.path, '/etc/sysconfig/network-scripts/ifcfg-ens4');
  await writeFile(file, 'DEVICE=ens4\nONBOOT=no\n');
  await expect(applyWritten(plan, host, () => {}, signal)).rejects.toMatchObject({ code: 'refused' });
  expect(await readFile(join(root.path, '/etc/network/interfaces'), 'utf8')).toBe(was['/etc/network/interfaces']);
});

test('links that lead out of the directory are not followed', async () => {
  await using root = await tree(was);
  await using outside = await tree({ '/interfaces': 'auto ens3\n' });
  const host = localHost();
  await rm(join(root.path, '/etc/network/interfaces'));
  await symlink(join(outside.path, 'interfaces'), join(root.path, '/etc/network/interfaces'));
  expect((await filesBelow(host, root.path, signal)).has('/etc/network/interfaces')).toBe(false);
  await rm(join(root.path, '/etc/sysconfig'), { recursive: true });
  await mkdir(join(outside.path, 'network-scripts'));
  await writeFile(join(outside.path, 'network-scripts/ifcfg-ens3'), 'DEVICE=ens3\n');
  await symlink(outside.path, join(root.path, '/etc/sysconfig'));
  await expect(filesBelow(host, root.path, signal)).rejects.toMatchObject({ code: 'refused' });
  await expect(filesBelow(host, join(root.path, 'nowhere'), signal)).rejects.toMatchObject({ code: 'not-found' });
});

test.each(['a link to a file', 'a link to nothing yet', 'a pipe'])(
  'what lies in the place of a new file is not written through: %s',
  async (kind) => {
    await using root = await tree(was);
    await using outside = await tree({ '/victim': 'as it was\n' });
    const host = localHost();
    const plan = planWritten(await request(host, root.path));
    const planted = join(root.path, '/etc/network/.interfaces.lifeboat');
    if (kind === 'a pipe') await host.run(['mkfifo', planted], {}, signal);
    else await symlink(join(outside.path, kind === 'a link to a file' ? 'victim' : 'new'), planted);
    await applyWritten(plan, host, () => {}, signal);
    expect(Object.fromEntries(await filesBelow(host, root.path, signal))).toEqual(is);
    expect(await readdir(outside.path)).toEqual(['victim']);
    expect(await readFile(join(outside.path, 'victim'), 'utf8')).toBe('as it was\n');
  },
);

test.each([
  ['a path that leads up', { path: '/etc/network/interfaces.d/../../../../victim' }],
  ['a new name that leads up', { renamedTo: '/etc/network/../../../victim' }],
  ['a new name that does not follow from those of links', { renamedTo: '/etc/network/victim' }],
  ['a file that configures no network', { path: '/etc/passwd' }],
])('a plan that was edited by hand is refused: %s', async (_, edit) => {
  await using root = await tree({ ...was, '/etc/passwd': 'ens3\n' });
  const host = localHost();
  const plan = planWritten(await request(host, root.path));
  const files = plan.files.map((file) => (file.path === '/etc/network/interfaces' ? { ...file, ...edit } : file));
  await expect(applyWritten({ ...plan, files }, host, () => {}, signal)).rejects.toMatchObject({ code: 'refused' });
  expect(await readFile(join(root.path, '/etc/network/interfaces'), 'utf8')).toBe(was['/etc/network/interfaces']);
});

test('a directory that became a link after the plan was made is refused', async () => {
  await using root = await tree(was);
  await using outside = await tree({ '/network/interfaces': was['/etc/network/interfaces'] ?? '' });
  const host = localHost();
  const plan = planWritten(await request(host, root.path));
  await rm(join(root.path, '/etc/network'), { recursive: true });
  await symlink(join(outside.path, 'network'), join(root.path, '/etc/network'));
  await expect(applyWritten(plan, host, () => {}, signal)).rejects.toMatchObject({ code: 'refused' });
  expect(await readdir(join(outside.path, 'network'))).toEqual(['interfaces']);
});

test('a file that would get the name of another one that stays: refused, and nothing is written', async () => {
  const script = '/etc/sysconfig/network-scripts/ifcfg-';
  const files = { [`${script}ens3`]: 'DEVICE=ens3\n' };
  const moved = { wanted: network([card('ens3', 1, 3)]), found: network([card('enp1s0', 4, 5)]) };
  await using root = await tree(files);
  const host = localHost();
  const asked = async () => ({
    ...moved,
    root: root.path,
    files: await filesBelow(host, root.path, signal),
    given: new Map(),
  });
  const plan = planWritten(await asked());
  await writeFile(join(root.path, `${script}enp1s0`), 'DEVICE=enp1s0\nIPADDR=192.0.2.9\n');
  await expect(applyWritten(plan, host, () => {}, signal)).rejects.toMatchObject({ code: 'refused' });
  const again = await asked();
  expect(() => planWritten(again)).toThrow(/another file of that name/);
  await rm(join(root.path, `${script}enp1s0`));
  for (const _ of [1, 2]) await applyWritten(plan, host, () => {}, signal);
  expect([...(await filesBelow(host, root.path, signal))]).toEqual([[`${script}enp1s0`, 'DEVICE=enp1s0\n']]);
});
