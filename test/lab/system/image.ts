/** The disk of a whole Debian system: made of the release's own packages, with fixed identities and nothing of this machine in it. */
import { hash } from 'node:crypto';
import { chmod, copyFile, cp, mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { localHost } from '../../../src/host/local.ts';
import { imagesOf } from '../../../src/qemu/image.ts';
import { cachedDirectory } from '../../helpers/cache.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import type { Release } from '../builder.ts';
import { devicesOf, startLab } from '../lab.ts';
import { debianArchives } from '../packages.ts';
import { labEmulation } from '../prepared.ts';
import { namespaces } from './namespaces.ts';
import { systems } from './packages.ts';

const here = import.meta.dirname;
const agent = join(here, '../../../native/build/lifeboat-agent');

const MIB = 1024 ** 2;
const sector = 512;
const diskBytes = 4096 * MIB;
const rootStart = 66 * MIB;
/** The backup of the table of partitions comes after it. */
const rootBytes = diskBytes - rootStart - MIB;

/** What is in `root/etc/fstab` too. */
const rootId = '5f1e0b6a-52a4-4d0e-9c1d-8c4f3a8e2b01';
const espId = '1B0A-7E57';

const layout = `label: gpt
label-id: 6D0C9A3E-7B1F-4E52-8A4D-2F9C5E7B1A00
start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649, uuid=6D0C9A3E-7B1F-4E52-8A4D-2F9C5E7B1A01
start=4096, size=131072, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=6D0C9A3E-7B1F-4E52-8A4D-2F9C5E7B1A02
start=${rootStart / sector}, size=${rootBytes / sector}, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=6D0C9A3E-7B1F-4E52-8A4D-2F9C5E7B1A03
`;

/** Longer than it takes on a machine that is busy with ten other things. */
const limitMs = 900_000;

/**
 * An image in qcow2, which must not be written to; made where it is not cached.
 *
 * @param packages besides those without which no other can be set up
 * @throws Error with the reason where it cannot be made here
 */
export async function systemImage(
  release: Release,
  signal: AbortSignal,
  packages: readonly string[] = systems[release].others,
): Promise<string> {
  const name = `${release}-${await recipe(release, packages)}`;
  const directory = await cachedDirectory(`lab/system/${name}`, async (made) => {
    await using work = await temporaryDirectory();
    const raw = join(work.path, 'disk');
    await using file = await open(raw, 'w');
    await file.truncate(diskBytes);
    await install(release, packages, work.path, raw, signal);
    await finish(release, raw, signal);
    const { qemu } = await labEmulation(signal);
    await imagesOf(qemu, localHost()).convert(join(made, 'disk.qcow2'), { file: raw, format: 'raw' }, signal);
  });
  return join(directory, 'disk.qcow2');
}

/** A digest of all that it is made from; which versions of packages, is chosen when it is made. */
async function recipe(release: Release, packages: readonly string[]): Promise<string> {
  const root = (await readdir(join(here, 'root'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const own = ['image.ts', 'packages.ts', 'install.sh', 'finish.sh'].map((name) => join(here, name));
  const digests = await Promise.all([...own, agent, ...root].map(async (file) => hash('sha256', await readFile(file))));
  return hash('sha256', [release, ...packages, ...digests].join(' ')).slice(0, 16);
}

/** The root filesystem, at its place in the image. */
async function install(
  release: Release,
  packages: readonly string[],
  work: string,
  raw: string,
  signal: AbortSignal,
): Promise<void> {
  const { suite, essential } = systems[release];
  const first = new Set((await debianArchives(suite, essential)).map(({ path }) => path));
  const all = (await debianArchives(suite, [...essential, ...packages])).map(({ path }) => path);
  const list = async (name: string, paths: readonly string[]) =>
    await writeFile(join(work, name), paths.map((path) => `${path}\n`).join(''));
  await list('essential', [...first]);
  await list(
    'others',
    all.filter((path) => !first.has(path)),
  );
  const files = join(work, 'files');
  await cp(join(here, 'root'), files, { recursive: true, verbatimSymlinks: true });
  await mkdir(join(files, 'usr/sbin'), { recursive: true });
  await copyFile(agent, join(files, 'usr/sbin/lifeboat-agent'));
  await chmod(join(files, 'usr/sbin/lifeboat-agent'), 0o755);
  const script = [join(here, 'install.sh'), work, rootId, raw, String(rootStart), String(rootBytes)];
  const [program, ...rest] = await namespaces(signal);
  await localHost().run([program, ...rest, 'bash', ...script], { timeoutMs: limitMs }, signal);
}

/** What needs devices: partitions, and GRUB by its own tools. */
async function finish(release: Release, raw: string, signal: AbortSignal): Promise<void> {
  await using lab = await startLab({ release }, signal);
  await lab.machine.addDisk({ file: raw, format: 'raw', serial: 'SYSTEM', bus: 'scsi' }, signal);
  const device = (await devicesOf(lab.host, ['SYSTEM'], signal)).get('SYSTEM') ?? '';
  const stdin = await readFile(join(here, 'finish.sh'));
  await lab.host.run(['bash', '-s', '--', device, layout, espId], { stdin, timeoutMs: limitMs }, signal);
  // What it has written is in the image from here on.
  await lab.machine.removeDisk('SYSTEM', signal);
}
