/**
 * GRUB's own programs, in a chroot, on a disk that is an image: boot sectors are put back byte by byte without a change to any file, and made
 * anew where that cannot be.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, openSync, readSync, closeSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { finish } from '../../src/finalize/finish.ts';
import { planFinish } from '../../src/finalize/plan.ts';
import type { Scene } from '../../src/finalize/scene.ts';
import { bootCode, coreSectors } from '../../src/layout/boot/boot-sector.ts';
import { type Layout, parseLayout } from '../../src/layout/types.ts';
import { bindKernel } from '../../src/recover/new-root.ts';
import { facts, noNetwork } from '../helpers/finish-scene.ts';
import { mountNamespace } from '../helpers/mount-namespace.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { unpackedPackages } from '../lab/packages.ts';

const { signal } = new AbortController();
const mebibyte = 2 ** 20;
const fsUuid = '0b0f1a4e-0000-4000-8000-000000000001';
const sbin = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
const output = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', env: sbin, stdio: ['ignore', 'pipe', 'pipe'] });

let tree = '';
let reason: string | undefined;
const base = 'coreutils findutils bash dash sed grep gettext-base mount util-linux'.split(' ');
beforeAll(async () => {
  try {
    if (process.getuid?.() !== 0) throw new Error('only root can mount and enter another root');
    const device = output('losetup', '--find').trim();
    expect(device).toMatch(/^\/dev\/loop/);
    tree = await unpackedPackages('bookworm', ['grub-pc-bin', 'grub2-common', ...base]);
  } catch (error) {
    reason = String(error);
    console.log(`GRUB on an image: skipped: ${reason}`);
  }
}, 600_000);

/** A system whose `/boot` is on one image, and a disk that the machine starts from: mounted for nobody else. */
async function restoredSystem() {
  const stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory()).path;
  const [disk, files, root] = ['disk', 'files', 'root'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  for (const [file, size] of [
    [disk, 64],
    [files, 48],
  ] as const) {
    writeFileSync(file, '');
    truncateSync(file, size * mebibyte);
  }
  mkdirSync(root);
  execFileSync('sfdisk', ['--quiet', disk], {
    env: sbin,
    input: 'label: gpt\nsize=1MiB, type=21686148-6449-6E6F-744E-656564454649\ntype=L\n',
  });
  output('mkfs.ext4', '-q', '-U', fsUuid, files);
  const loop = (file: string): string => {
    const device = output('losetup', '--find', '--show', file).trim();
    stack.defer(() => void output('losetup', '--detach', device));
    return device;
  };
  const [diskDevice, filesDevice] = [loop(disk), loop(files)];
  const host = stack.use(await mountNamespace());
  const script = `set -e
    mount ${filesDevice} ${root}
    mkdir -p ${root}/{usr,etc,boot,dev,proc,sys,run,tmp,var}
    for name in bin sbin lib lib64; do ln -s usr/$name ${root}/$name; done
    cp -a ${tree}/etc/grub.d ${root}/etc/
    mount --bind ${tree}/usr ${root}/usr`;
  await host.run(['bash', '-c', script], {}, signal);
  await bindKernel(root, host, signal);
  const inside = async (...argv: readonly [string, ...string[]]): Promise<string> =>
    (await host.run(['chroot', root, ...argv], {}, signal)).stdout.toString('utf8');
  return {
    host,
    root,
    disk,
    diskDevice,
    filesDevice,
    inside,
    [Symbol.asyncDispose]: async () => await stack.disposeAsync(),
  };
}

function bytesOf(file: string, from: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const handle = openSync(file, 'r');
  readSync(handle, bytes, 0, length, from);
  closeSync(handle);
  return bytes;
}

type System = Awaited<ReturnType<typeof restoredSystem>>;

/** A machine that starts by BIOS, on what it had. */
function sceneOf(system: System, layout: Layout): Scene {
  const { root } = system;
  const captured = { layout, network: noNetwork, facts };
  return { root, captured, layout: layoutOf(system, root), network: noNetwork, firmware: 'bios', clone: false };
}

/** The disk and the filesystem, as they were captured (with GRUB), or as they are now. */
function layoutOf(place: Pick<System, 'diskDevice' | 'filesDevice'>, path: string, core?: number): Layout {
  const disk = (id: string, device: string) => ({
    kind: 'disk',
    id,
    on: [],
    device,
    serial: id,
    sizeBytes: mebibyte,
    rotational: false,
    removable: false,
    readOnly: false,
  });
  return parseLayout({
    format: 'lifeboat.layout/1',
    capturedAt: '2026-11-21T12:00:00.000Z',
    gaps: [],
    components: [
      disk('disk:A', place.diskDevice),
      disk('disk:B', place.filesDevice),
      { kind: 'ext', id: `filesystem:${fsUuid}`, on: ['disk:B'], type: 'ext4', uuid: fsUuid, sizeBytes: mebibyte },
      {
        kind: 'mount',
        id: `mount:${path}`,
        on: [`filesystem:${fsUuid}`],
        path,
        source: 'x',
        fstype: 'ext4',
        options: 'rw',
        root: '/',
        category: 'local',
      },
      ...(core === undefined
        ? []
        : [
            {
              kind: 'loader',
              id: 'loader:grub-pc:disk:A',
              on: ['disk:A'],
              type: 'grub-pc',
              config: [],
              binaries: [],
              entries: [],
              core: { sector: 2048, sectors: core },
            },
          ]),
    ],
  });
}

test('boot sectors come back as they were, or are made anew', async (context) => {
  context.skip(reason !== undefined);
  await using system = await restoredSystem();
  const { host, disk, diskDevice, inside } = system;
  await inside('grub-install', '--target=i386-pc', diskDevice);
  const sectors = (): Buffer[] => [bytesOf(disk, 0, 440), bytesOf(disk, mebibyte, mebibyte)];
  await host.run(['sync'], {}, signal);
  const before = sectors();
  const core = coreSectors(bytesOf(disk, mebibyte, 512));
  expect(bootCode(bytesOf(disk, 0, 512))).toEqual({ type: 'grub-pc', coreSector: 2048 });
  const listing = async (): Promise<string> => await inside('find', '/boot', '-printf', '%p %s %T@ %C@\n');
  const files = await listing();

  const wiped = async (): Promise<void> => {
    const zero = ['dd', 'if=/dev/zero', `of=${diskDevice}`, 'conv=notrunc,fsync', 'status=none'] as const;
    await host.run([...zero, 'bs=440', 'count=1'], {}, signal);
    await host.run([...zero, 'bs=1M', 'seek=1', 'count=1'], {}, signal);
    expect(sectors().every((bytes) => bytes.every((byte) => byte === 0))).toBe(true);
  };
  const finished = async () => {
    const scene = sceneOf(system, layoutOf(system, '/', core));
    const plan = await planFinish(scene, host, signal);
    const done = await finish(scene, plan, { host, say: () => undefined }, signal);
    await host.run(['sync'], {}, signal);
    return done;
  };

  await wiped();
  expect(await finished()).toEqual({
    done: [`put GRUB into the boot sector of ${diskDevice}`],
    findings: [],
    changed: [],
  });
  expect(sectors()).toEqual(before);
  expect(await listing()).toBe(files);

  // Its image is lost.
  await wiped();
  await inside('rm', '/boot/grub/i386-pc/core.img');
  const { changed, findings } = await finished();
  expect(findings).toEqual([]);
  expect(changed).toContain('/boot/grub/i386-pc');
  expect(sectors()).toEqual(before);
}, 300_000);

test('the menu is made anew by its own program, where the kernel is told something else', async (context) => {
  context.skip(reason !== undefined);
  await using system = await restoredSystem();
  const { host, root, inside } = system;
  const put = async (path: string, text: string): Promise<void> => {
    await host.run(['mkdir', '-p', dirname(join(root, path))], {}, signal);
    await host.write(join(root, path), Buffer.from(text), {}, signal);
  };
  await put('/etc/default/grub', 'GRUB_CMDLINE_LINUX="quiet resume=UUID=5"\n');
  await put('/boot/grub/grub.cfg', 'nothing');
  const swap = { kind: 'swap', id: 'swap:5', on: ['disk:A'], uuid: '5', sizeBytes: 1, active: true };
  const slept = layoutOf(system, '/');
  const scene = sceneOf(system, parseLayout({ ...slept, components: [...slept.components, swap] }));
  const plan = await planFinish(scene, host, signal);
  expect(plan.deeds.map(({ id }) => id)).toEqual(['file /etc/default/grub', 'grub-config']);
  await finish(scene, plan, { host, say: () => undefined }, signal);
  const menu = await inside('cat', '/boot/grub/grub.cfg');
  // For a root on a loop device it makes no entries.
  expect(menu).toContain('### END /etc/grub.d/10_linux ###');
  expect(await inside('cat', '/etc/default/grub')).toBe('GRUB_CMDLINE_LINUX="quiet"\n');
}, 300_000);
