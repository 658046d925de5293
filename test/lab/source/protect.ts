/** A source machine that was backed up from inside: the repository on a disk of its own, and what an independent checker saw before. */
import { hash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import type { Host } from '../../../src/host/host.ts';
import type { Disk } from '../../../src/qemu/spec.ts';
import { cachedDirectory } from '../../helpers/cache.ts';
import { root } from '../../helpers/cli.ts';
import { devicesOf, makeImages } from '../lab.ts';
import { digest, labEmulation } from '../prepared.ts';
import { program, programDisk } from '../program.ts';
import { serveSftp, type SftpService } from '../sftp-service.ts';
import { shutDown, type SystemLab, startSystem } from '../system.ts';
import { factsOfSystem, filesOfDisk, filesOfSystem, type Witness, witnessSchema } from './witness.ts';
import { usageSince } from '../usage.ts';
import { type SourceLayout, sourceImages } from './image.ts';

const GIB = 1024 ** 3;
/** Longer than anything takes on a machine that is busy with ten other things. */
const limitMs = 1_800_000;

export interface SourceKind {
  readonly layout: SourceLayout;
  readonly firmware: 'bios' | 'uefi';
  /** Where it is backed up to: a disk of its own, or a server. @default 'disk' */
  readonly to?: 'disk' | 'sftp';
}

const pointSchema = z.object({
  point: z.string(),
  code: z.string(),
  /** Files of the rescue medium, by their paths there. */
  files: z.array(z.object({ path: z.string(), content: z.string(), mode: z.number() })),
  /** What the backup took of the whole machine. */
  backup: z.object({ wallSeconds: z.number(), cpuSeconds: z.number() }),
});

export interface Protected extends z.infer<typeof pointSchema> {
  readonly kind: SourceKind;
  /** The disk with the repository, which must not be written to; where it is on one. */
  readonly repository?: Disk;
  /** What is below the root of the server, which must not be written to; where it is on one. */
  readonly served?: string;
  /** What the machine consisted of, which must not be written to. */
  readonly disks: readonly Disk[];
  readonly before: Witness;
}

/** Where the source has the repository. */
export const repositoryPlace = '/srv/backup';

/**
 * Starts it, with lifeboat in memory, where no capture sees it as a part of the machine; without a server, with an empty disk for the
 * repository, the image of which is `REPO.qcow2` in this directory.
 */
async function startSource(
  { layout, firmware }: SourceKind,
  server: SftpService | undefined,
  directory: string,
  signal: AbortSignal,
): Promise<SystemLab> {
  const images = await sourceImages(layout, signal);
  const cards = [server?.card ?? { network: { kind: 'user' } as const }];
  // With a screen, as the machine has that it is recovered in: the network card is at the same place then. Switched on, as that one is: a system
  // that goes on from a state has asked for its address where nobody answered.
  const options = { images, firmware, cards, memoryMiB: 2048, cpus: 2, screen: true, cold: true };
  const lab = await startSystem(options, signal);
  const file = await programDisk(directory);
  await lab.machine.addDisk({ file, format: 'raw', serial: 'PROGRAM', bus: 'scsi' }, signal);
  const found = await devicesOf(lab.host, ['PROGRAM'], signal);
  const script = `
    mkdir /run/program /run/disk
    mount -t tmpfs -o size=700m tmpfs /run/program
    mount -o ro ${found.get('PROGRAM')} /run/disk
    cp -r /run/disk/. /run/program/
    umount /run/disk
    mkdir -p /opt/lifeboat
    mount --bind /run/program /opt/lifeboat`;
  await lab.host.run(['sh', '-ec', script], { timeoutMs: limitMs }, signal);
  await lab.machine.removeDisk('PROGRAM', signal);
  await rm(file);
  if (server === undefined) await addRepositoryDisk(lab, directory, signal);
  else await addLogin(lab.host, server, signal);
  return lab;
}

async function addRepositoryDisk({ machine, host }: SystemLab, directory: string, signal: AbortSignal): Promise<void> {
  const { qemu } = await labEmulation(signal);
  for (const disk of await makeImages(qemu, directory, [{ serial: 'REPO', bytes: 3 * GIB }], signal)) {
    await machine.addDisk(disk, signal);
  }
  const found = await devicesOf(host, ['REPO'], signal);
  const script = `
    mkfs.ext4 -q -L repo ${found.get('REPO')}
    udevadm settle
    mkdir -p ${repositoryPlace}
    echo 'LABEL=repo ${repositoryPlace} ext4 nofail 0 2' >> /etc/fstab
    systemctl daemon-reload
    mount ${repositoryPlace}`;
  await host.run(['sh', '-ec', script], { timeoutMs: limitMs }, signal);
}

async function addLogin(host: Host, { identity, knownHosts }: SftpService, signal: AbortSignal): Promise<void> {
  await host.run(['mkdir', '-p', '-m', '700', '/root/.ssh'], {}, signal);
  await host.write(loginFiles[0], Buffer.from(identity), { mode: 0o600 }, signal);
  await host.write(loginFiles[1], Buffer.from(knownHosts), { mode: 0o600 }, signal);
}

/** Where ssh looks by itself: what logs in, and what a server is known by. */
export const loginFiles = ['/root/.ssh/id_ed25519', '/root/.ssh/known_hosts'] as const;

/** The same, where its medium is to log in to this server, as its own has ended. */
export const servedBy = (source: Protected, { identity, knownHosts }: SftpService): Protected => ({
  ...source,
  files: source.files.map((file) => {
    const index = loginFiles.findIndex((path) => path === file.path);
    return index < 0 ? file : { ...file, content: [identity, knownHosts][index] ?? '' };
  }),
});

/** Makes it where it is not cached; `dist/` counts as it is now. */
export async function protectedSource(kind: SourceKind, signal: AbortSignal): Promise<Protected> {
  const disks = await sourceImages(kind.layout, signal);
  const recipe = digest([kind, disks, await programDigest(), await ownDigest()]);
  const name = `lab/protected/${kind.layout}.${kind.firmware}.${kind.to ?? 'disk'}-${recipe}`;
  const directory = await cachedDirectory(name, async (made) => await protectIn(made, kind, signal));
  return await kept(kind, directory, disks);
}

/** As {@link protectedSource}, made now, in a directory that is empty. */
export async function newlyProtected(kind: SourceKind, directory: string, signal: AbortSignal): Promise<Protected> {
  await protectIn(directory, kind, signal);
  return await kept(kind, directory, await sourceImages(kind.layout, signal));
}

async function protectIn(made: string, kind: SourceKind, signal: AbortSignal): Promise<void> {
  await using server = kind.to === 'sftp' ? await serveSftp(await madeDirectory(join(made, 'served'))) : undefined;
  await using lab = await startSource(kind, server, made, signal);
  const facts = await factsOfSystem(lab.host, 'REPO', signal);
  const point = await backedUp(lab, server?.url ?? `file://${repositoryPlace}`, signal);
  await writeFile(join(made, 'point.json'), JSON.stringify(point));
  const files = await filesOfSource(lab, kind, signal);
  await writeFile(join(made, 'before.json.gz'), gzipSync(JSON.stringify({ facts, files })));
  if (kind.layout === 'stacked') await shutDown(lab, signal);
}

/** A system on one disk is shut down for it. */
export async function filesOfSource(
  { machine, host, images }: Pick<SystemLab, 'machine' | 'host' | 'images'>,
  { layout }: SourceKind,
  signal: AbortSignal,
): Promise<Witness['files']> {
  const [disk] = images;
  if (layout === 'stacked' || disk === undefined) return await filesOfSystem(host, signal);
  await shutDown({ machine, host }, signal);
  return await filesOfDisk(disk, signal);
}

async function madeDirectory(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  return path;
}

/** What lies in such a directory. */
async function kept(kind: SourceKind, directory: string, disks: readonly Disk[]): Promise<Protected> {
  const point = pointSchema.parse(JSON.parse(await readFile(join(directory, 'point.json'), 'utf8')));
  const before = witnessSchema.parse(await readZipped(join(directory, 'before.json.gz')));
  const repository = { file: join(directory, 'REPO.qcow2'), format: 'qcow2', serial: 'REPO', bus: 'scsi' } as const;
  const where = kind.to === 'sftp' ? { served: join(directory, 'served') } : { repository };
  return { ...point, kind, ...where, disks, before };
}

/** Makes keys and a configuration, backs up, and tells what a rescue medium would hold. */
async function backedUp({ host, machine }: SystemLab, repository: string, signal: AbortSignal): Promise<object> {
  const run = async (words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> => {
    const { stdout } = await host.run([...program, ...words], { timeoutMs: limitMs, env }, signal);
    return stdout.toString();
  };
  const [code = ''] = /([0-9A-Z]{5}-){6}[0-9A-Z]{5}/.exec(await run(['init', '--repository', repository])) ?? [];
  await run(['key', 'check'], { LIFEBOAT_RECOVERY_CODE: code });
  // Pages of files that were just written are on disk by then, so that nothing changes while it is read.
  await host.run(['sync'], { timeoutMs: limitMs }, signal);
  const before = machine.usage();
  const said = await run(['--json', '--quiet', 'backup']);
  const usage = usageSince(before, machine.usage());
  const { point, run: ran } = backupSchema.parse(JSON.parse(said));
  if (ran.findings.length > 0) {
    throw new Error(`the backup was not content:\n${JSON.stringify(ran.findings, null, 2)}`);
  }
  const captured = [];
  for (const name of ['layout', 'network', 'facts']) {
    const content = await run(['--json', name, 'show', 'latest']);
    captured.push({ path: `/etc/lifeboat/captured/${name}.json`, content, mode: 0o644 });
  }
  const own = ['/etc/lifeboat/lifeboat.yaml', '/etc/lifeboat/host.key'];
  const places = [...own, ...(repository.startsWith('sftp:') ? loginFiles : [])];
  const files = await Promise.all(
    places.map(async (path) => ({ path, content: (await host.read(path, {}, signal)).toString(), mode: 0o600 })),
  );
  return { point, code, files: [...captured, ...files], backup: usage };
}

const backupSchema = z.object({
  point: z.string(),
  run: z.object({ findings: z.array(z.object({ subject: z.string(), problem: z.string() })) }),
});

async function readZipped(file: string): Promise<unknown> {
  return JSON.parse(gunzipSync(await readFile(file)).toString());
}

/** Of the program that backs up. */
async function programDigest(): Promise<string> {
  const names = await filesBelow(join(root, 'dist'));
  return await digestOf(names.filter((name) => name.endsWith('.js')));
}

/** Of what makes and checks. */
const ownDigest = async (): Promise<string> => await digestOf(await filesBelow(import.meta.dirname));

async function filesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function digestOf(files: readonly string[]): Promise<string> {
  const contents = await Promise.all(files.map(async (name) => hash('sha256', await readFile(name))));
  return digest([files, contents]);
}
