/** A machine that has lost all its disks: blank ones in their place, the rescue medium in its drive, switched on once. */
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import type { Host } from '../../src/host/host.ts';
import { localHost } from '../../src/host/local.ts';
import { firmwareOf } from '../../src/machine/firmware.ts';
import { type Machine, startMachine } from '../../src/machine/machine.ts';
import type { Qemu } from '../../src/qemu/program.ts';
import type { Disk, MachineSpec, NetworkCard } from '../../src/qemu/spec.ts';
import { rescueFiles } from '../../src/cli/rescue-files.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { type LabDisk, makeImages } from './lab.ts';
import { labEmulation } from './prepared.ts';
import { overlaysOf } from './rebooted.ts';
import { type LabMedium, rescueMedium, rescueLimitMs } from './rescue.ts';
import { loginFiles, type Protected, repositoryPlace } from './source/protect.ts';

/** Longer than anything takes on a machine that is busy with ten other things. */
const recoverLimitMs = 3_600_000;

export interface RecoveryOptions {
  /** @default as the source */
  readonly firmware?: 'bios' | 'uefi';
  /** In place of those that were lost: the first is what the firmware starts from, once there is something to start. */
  readonly disks: readonly (LabDisk & { readonly bootIndex?: number })[];
  /** Disks of an attempt before, which are written to, in place of `disks`. */
  readonly again?: readonly Disk[];
  /** Where the images of `disks` are made, to outlive the machine. @default gone with it */
  readonly directory?: string;
  /** Disks with something on them, besides the repository's; not written to, but overlays of them. */
  readonly images?: readonly Disk[];
  /** What it is started from where the first disk has nothing to start, or an attempt before has left something there. */
  readonly medium?: string;
  /** @default 'cd', in its drive */
  readonly as?: 'cd' | 'stick';
  /** Whether the firmware starts from it whatever is on the disks, as it does from a medium that was put before them and left in. @default false */
  readonly mediumFirst?: boolean;
  readonly cards?: readonly NetworkCard[];
  /** In which network namespace it runs, and so on. */
  readonly inside?: (qemu: Qemu) => Qemu;
}

export interface RecoveryMachine extends AsyncDisposable {
  readonly machine: Machine;
  readonly disks: readonly Disk[];
  /** What is written of `images`: overlays, which hold nothing as long as nobody writes. */
  readonly others: readonly Disk[];
  /** The rescue system, once it answers. */
  rescue(signal: AbortSignal): Promise<Host>;
  /** The recovered system, once its own agent answers and everything in it has started. */
  recovered(signal: AbortSignal): Promise<Host>;
}

export interface MadeMedium {
  /** @default 'iso' */
  readonly format?: string;
  /** For the kernel's command line. */
  readonly words?: readonly string[];
  /** @default false */
  readonly embedCredentials?: boolean;
  /** Further settings of its configuration. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** A medium of the source, as `rescue build` makes it there. */
export async function mediumOf(
  { files }: Protected,
  { format = 'iso', words = [], embedCredentials = false, settings = {} }: MadeMedium,
  signal: AbortSignal,
): Promise<LabMedium> {
  await using work = await temporaryDirectory();
  const at = (name: string): string => join(work.path, name);
  for (const { path, content } of files) await writeFile(at(basename(path)), content, { mode: 0o600 });
  const config = (await readFile(at('lifeboat.yaml'), 'utf8')).replaceAll('/etc/lifeboat/host.key', at('host.key'));
  const [identityFile, knownHosts] = loginFiles.map((path) => at(basename(path)));
  const ssh = files.some(({ path }) => path === loginFiles[0]) ? { ssh: { identityFile, knownHosts } } : {};
  const more = { host: 'lifeboat-lab', ...ssh, ...settings };
  await writeFile(at('lifeboat.yaml'), `${config}\n${stringify(more)}`, { mode: 0o600 });
  const embedding = { keepHostKeys: false, embedCredentials };
  const own = await rescueFiles(at('lifeboat.yaml'), embedding, localHost(), signal);
  const captured = files.filter(({ path }) => path.startsWith('/etc/lifeboat/captured/'));
  const placed = own.files.map((file) => ({ ...file, path: file.path, content: String(file.content) }));
  return await rescueMedium({ format, files: [...captured, ...placed], words });
}

/** Switches it on. Disposing is pulling the plug. */
export async function startRecovery(
  source: Protected,
  options: RecoveryOptions,
  signal: AbortSignal,
): Promise<RecoveryMachine> {
  const { firmware = source.kind.firmware, images = [], medium, cards = [{ network: { kind: 'user' } }] } = options;
  const { as = 'cd', mediumFirst = options.again !== undefined, inside = (qemu) => qemu } = options;
  const emulation = await labEmulation(signal);
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory()).path;
  const blank =
    options.again ?? (await makeImages(emulation.qemu, options.directory ?? directory, options.disks, signal));
  const disks = blank.map((disk, index) => ({ bootIndex: index + 1, ...disk }));
  const others = await overlaysOf(images, directory, signal);
  const repository = await overlaysOf(source.repository === undefined ? [] : [source.repository], directory, signal);
  const bootIndex = mediumFirst ? 0 : 99;
  const stick: Disk[] = [];
  if (medium !== undefined && as === 'stick')
    stick.push({ file: medium, format: 'raw', serial: 'STICK', bus: 'usb', bootIndex, readOnly: true });
  const spec: MachineSpec = {
    name: 'recovery',
    memoryMiB: 2048,
    cpus: 2,
    firmware: await firmwareOf(firmware, emulation.qemu, directory, signal),
    disks: [...others, ...disks, ...repository, ...stick],
    cards,
    screen: true,
    ...(medium === undefined || as === 'stick' ? {} : { cd: { file: medium, bootIndex } }),
    onReboot: 'reboot',
  };
  const machine = stack.use(await startMachine(spec, { ...emulation, qemu: inside(emulation.qemu) }, signal));
  const owned = stack.move();
  const answering = async (file: string, own: AbortSignal): Promise<Host> => {
    for (;;) {
      const host = await machine.connect(recoverLimitMs, own);
      // The agent of the one before answers until the last moment.
      const { code } = await host.run(['test', '-e', file], { okCodes: [0, 1] }, own).catch(() => ({ code: 1 }));
      if (code === 0) return host;
      await host[Symbol.asyncDispose]();
    }
  };
  return {
    machine,
    disks,
    others,
    rescue: async (own) => await answering('/etc/lifeboat/medium.json', own),
    async recovered(own) {
      const host = await answering('/etc/systemd/system/tick.timer', own);
      const wait = ['systemctl', 'is-system-running', '--wait'] as const;
      await host.run(wait, { okCodes: [0, 1], timeoutMs: rescueLimitMs }, own);
      return host;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Of `lifeboat recover --json`, what tests look at. */
const documentSchema = z.object({
  format: z.literal('lifeboat.recovery/1'),
  point: z.string(),
  result: z.enum(['passed', 'sampled', 'failed', 'unproven']),
  finalized: z.array(z.string()).optional(),
  changed: z.array(z.string()).optional(),
  attested: z.string().optional(),
  phases: z.array(z.object({ name: z.string(), seconds: z.number() })),
  proof: z
    .object({
      files: z.object({ total: z.number(), checked: z.number(), wrong: z.number(), changedOnPurpose: z.number() }),
      graph: z.array(z.unknown()),
      boot: z.array(z.unknown()),
      mounts: z.array(z.unknown()),
    })
    .nullish(),
});
export type RecoveryDocument = z.infer<typeof documentSchema>;

/** Waits until the rescue system has done what it does by itself: by then the disk with the repository is where the source had it. */
export async function settledRescue(host: Host, signal: AbortSignal): Promise<void> {
  const wait = 'until [ -e /run/lifeboat/ready ]; do sleep 1; done';
  await host.run(['sh', '-c', wait], { timeoutMs: recoverLimitMs }, signal);
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `lifeboat` with these words in the rescue system, opened by the recovery code. */
export async function inRescue(
  host: Host,
  { code }: Pick<Protected, 'code'>,
  words: readonly string[],
  signal: AbortSignal,
): Promise<Ended> {
  const options = {
    okCodes: [...Array(256).keys()],
    env: { LIFEBOAT_RECOVERY_CODE: code },
    timeoutMs: recoverLimitMs,
  };
  const ended = await host.run(['lifeboat', ...words], options, signal);
  return { code: ended.code, stdout: ended.stdout.toString(), stderr: ended.stderr };
}

/** As a person does it: a dry run, and then the same with the digest that it told. */
export async function recoverBy(
  host: Host,
  source: Pick<Protected, 'code'>,
  words: readonly string[],
  signal: AbortSignal,
): Promise<Ended & { readonly document?: RecoveryDocument }> {
  const dry = await inRescue(host, source, ['--json', 'recover', '--dry-run', ...words], signal);
  if (dry.code !== 0) return dry;
  const { digest } = z.object({ digest: z.string() }).parse(JSON.parse(dry.stdout));
  const done = await inRescue(
    host,
    source,
    ['--json', '--quiet', `--yes=${digest}`, 'recover', '--after', 'nothing', ...words],
    signal,
  );
  const document = documentSchema.safeParse(JSON.parse(done.stdout || 'null'));
  return document.success ? { ...done, document: document.data } : done;
}

/**
 * The same as somebody finds it who may write to it: over it, in memory, what is written. Repeated, all of that is forgotten.
 *
 * @returns where it is
 */
export async function writableRepository(host: Host, signal: AbortSignal): Promise<string> {
  const script = `
    mountpoint -q ${repositoryPlace} && umount -l ${repositoryPlace}
    mkdir -p /run/repository ${repositoryPlace}
    mountpoint -q /run/repository || mount -o ro /dev/disk/by-label/repo /run/repository
    mountpoint -q /run/over || { mkdir -p /run/over; mount -t tmpfs -o size=1500m tmpfs /run/over; }
    rm -rf /run/over/*
    mkdir /run/over/upper /run/over/work
    mount -t overlay -o lowerdir=/run/repository,upperdir=/run/over/upper,workdir=/run/over/work overlay ${repositoryPlace}`;
  await host.run(['bash', '-c', script], { timeoutMs: recoverLimitMs }, signal);
  return repositoryPlace;
}
