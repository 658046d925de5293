/** What is told to firmware, by efibootmgr itself: its variables are files of a directory here, never those of this machine. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { finish } from '../../src/finalize/finish.ts';
import { planFinish } from '../../src/finalize/plan.ts';
import type { Host } from '../../src/host/host.ts';
import { localHost } from '../../src/host/local.ts';
import { recordedHost } from '../../src/host/recorded.ts';
import { captureLayout } from '../../src/layout/capture.ts';
import { type EfiBoot, parseEfibootmgr } from '../../src/layout/boot/efibootmgr.ts';
import { bootMachine } from '../helpers/boot-machines.ts';
import { rebuiltOf, sceneOf } from '../helpers/finish-scene.ts';
import { restoredRoot } from '../helpers/restored-root.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { unpackedPackages } from '../lab/packages.ts';

const { signal } = new AbortController();
const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
const esp = '0b0f1a4e-0002-4000-8000-000000000a02';

let tree = '';
let reason: string | undefined;
beforeAll(async () => {
  try {
    if (process.getuid?.() !== 0) throw new Error('only root can make a device of an image');
    execFileSync('losetup', ['--find'], { env, stdio: 'pipe' });
    tree = await unpackedPackages('trixie', ['efibootmgr']);
  } catch (error) {
    reason = String(error);
    console.log(`efibootmgr on variables of its own: skipped: ${reason}`);
  }
}, 600_000);

test('a firmware that knows nothing is told of the system, and has nothing to be told after that', async (context) => {
  context.skip(reason !== undefined);
  await using directory = await temporaryDirectory();
  await using stack = new AsyncDisposableStack();
  const [image, variables] = [join(directory.path, 'disk'), join(directory.path, 'variables')];
  mkdirSync(variables);
  writeFileSync(image, '');
  truncateSync(image, 2 ** 26);
  execFileSync('sfdisk', ['--quiet', image], {
    env,
    input: `label: gpt\nsize=1MiB, type=21686148-6449-6E6F-744E-656564454649\nsize=20MiB, type=U, uuid=${esp}\ntype=L\n`,
  });
  const device = execFileSync('losetup', ['--find', '--show', image], { env, encoding: 'utf8' }).trim();
  stack.defer(() => void execFileSync('losetup', ['--detach', device], { env }));

  const captured = await captureLayout(
    recordedHost(bootMachine('debian13-secure-boot')),
    new Date('2026-11-21T12:00:00Z'),
    signal,
  );
  const layout = rebuiltOf(captured, (one) => [one.kind === 'disk' ? { ...one, device } : one]);
  const scene = sceneOf(captured, { firmware: 'uefi', layout });
  await using root = await restoredRoot({
    '/boot/initrd.img-6.1.0-56-cloud-amd64': '',
    '/boot/efi/EFI/debian/shimx64.efi': 'shim',
    '/boot/efi/vmlinuz-linux': 'kernel',
  });
  const local = localHost();
  const libraries = join(tree, 'usr/lib/x86_64-linux-gnu');
  const own = [join(libraries, 'ld-linux-x86-64.so.2'), '--library-path', libraries, join(tree, 'usr/bin/efibootmgr')];
  const efibootmgr = async (...words: readonly string[]) =>
    await local.run(['env', `EFIVARFS_PATH=${variables}/`, ...own, ...words], {}, signal);
  const host: Host = {
    ...root.host,
    run: async ([program, ...words], options, signal) =>
      program === 'efibootmgr' ? await efibootmgr(...words) : await root.host.run([program, ...words], options, signal),
  };
  const entries = async (): Promise<EfiBoot> => parseEfibootmgr((await efibootmgr('-v')).stdout.toString());

  const plan = await planFinish(scene, host, signal);
  const { findings } = await finish(scene, plan, { host, say: () => undefined }, signal);
  expect(findings).toEqual([]);
  const told = await entries();
  expect(told).toMatchObject({
    order: ['0000', '0001'],
    entries: [
      { number: '0000', active: true, label: 'debian', partUuid: esp, path: '\\EFI\\debian\\shimx64.efi' },
      {
        number: '0001',
        label: 'Linux (stub)',
        partUuid: esp,
        path: '\\vmlinuz-linux',
        arguments: 'root=UUID=3c1b7a52-90de-4c1f-8b7e-5d2a64b0c101 rw initrd=\\initramfs-linux.img',
      },
    ],
  });
  expect((await planFinish(scene, host, signal)).deeds).toEqual([]);

  // Told twice, as by an installer, and switched off.
  const twice = [
    '--create',
    '--disk',
    device,
    '--part',
    '2',
    '--label',
    'debian',
    '--loader',
    '\\EFI\\debian\\shimx64.efi',
  ];
  await efibootmgr(...twice);
  const variable = join(variables, 'Boot0001-8be4df61-93ca-11d2-aa0d-00e098032b8c');
  const option = readFileSync(variable);
  // Behind the attributes of the variable come those of the entry.
  option.writeUInt32LE(0, 4);
  writeFileSync(variable, option);
  const again = await planFinish(scene, host, signal);
  expect(again.deeds.map(({ id }) => id)).toEqual([
    'efi-entry remove 0002',
    'efi-entry remove 0001',
    'efi-entry 0003',
    'efi-order',
  ]);
  // Of a file to which less is written the rest stays, and of a variable it does not.
  rmSync(join(variables, 'BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c'));
  await finish(scene, again, { host, say: () => undefined }, signal);
  const now = await entries();
  expect(now.order).toEqual(['0000', '0003']);
  expect(now.entries).toMatchObject([{ number: '0000' }, { number: '0003', active: true, label: 'Linux (stub)' }]);
  expect((await planFinish(scene, host, signal)).deeds).toEqual([]);
}, 300_000);
