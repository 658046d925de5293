/**
 * Whether the rescue system that runs here is what it has to be. A medium is trusted by this before it is needed; so each check is one that
 * fails where a medium is damaged, or was made wrong.
 */
import { createConnection } from 'node:net';
import { once } from 'node:events';
import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Argv, Host } from '../host/host.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import type { Medium } from '../media/medium.ts';
import { moduleName, readModules } from '../media/modules.ts';
import { programsThatAnswer } from './programs.ts';

export interface SelfCheck {
  readonly name: string;
  readonly passed: boolean;
  /** What was found, for a person. */
  readonly detail: string;
}

/** @returns what was found where all is well. @throws LifeboatError with what is not */
export type SelfCheckProbe = (signal: AbortSignal) => Promise<string>;

/** Carries out one after the other; one that fails keeps none from being looked at. */
export async function checkAll(
  probes: readonly (readonly [name: string, probe: SelfCheckProbe])[],
  signal: AbortSignal,
): Promise<readonly SelfCheck[]> {
  const checks: SelfCheck[] = [];
  for (const [name, probe] of probes) {
    try {
      checks.push({ name, passed: true, detail: await probe(signal) });
    } catch (error) {
      signal.throwIfAborted();
      checks.push({ name, passed: false, detail: asLifeboatError(error).message });
    }
  }
  return checks;
}

/** What is the same for every medium. */
export function probesOf(host: Host, medium: Medium): readonly (readonly [name: string, probe: SelfCheckProbe])[] {
  return [
    ['medium', (signal) => rightMedium(host, medium, signal)],
    ['content', (signal) => asItWasMade(host, signal)],
    ['programs', (signal) => allAnswer(host, signal)],
    ['modules', (signal) => allModules(host, medium, signal)],
    ['disks', (signal) => allReadOnly(host, signal)],
    ['ssh', (signal) => sshAsSaid(host, medium, signal)],
  ];
}

const wrong = (message: string): LifeboatError => new LifeboatError('rescue-incomplete', message);

async function rightMedium(host: Host, { id, kernel }: Medium, signal: AbortSignal): Promise<string> {
  const words = (await host.read('/proc/cmdline', {}, signal)).toString();
  const started = /(?:^|\s)lifeboat\.medium=(\S+)/.exec(words)?.[1];
  if (started !== id) throw wrong(`the medium ${id} was started as ${started ?? 'none'}`);
  const release = (await host.read('/proc/sys/kernel/osrelease', {}, signal)).toString().trim();
  if (release !== kernel.version) throw wrong(`the kernel is ${release}, and the medium is of ${kernel.version}`);
  return `${id}, kernel ${release}`;
}

const loopsSchema = z
  .object({ loopdevices: z.array(z.object({ name: z.string(), 'back-file': z.string().nullable() })) })
  .transform(({ loopdevices }) => loopdevices);

/** The layers that the system runs from, read to their end. */
async function asItWasMade(host: Host, signal: AbortSignal): Promise<string> {
  const sums = parseSums((await host.read('/run/lifeboat/SHA256SUMS', {}, signal)).toString());
  const { stdout } = await host.run(['losetup', '--json', '--list', '--output', 'NAME,BACK-FILE'], {}, signal);
  const loops = loopsSchema.parse(JSON.parse(stdout.toString()));
  const layers = ['base.squashfs', 'host.squashfs'];
  for (const layer of layers) {
    const device = loops.find((loop) => loop['back-file']?.split('/').at(-1)?.startsWith(layer))?.name;
    if (device === undefined) throw wrong(`the system does not run from ${layer}`);
    const { stdout: sum } = await host.run(['sha256sum', device], { timeoutMs: 600_000 }, signal);
    if (sum.toString().split(' ')[0] !== sums.get(layer)) throw wrong(`${layer} is not what it was when it was made`);
  }
  return `${layers.join(' and ')} are what they were when they were made`;
}

/** Of a file as sha256sum(1) writes it, by name. */
export function parseSums(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\n').flatMap((line) => {
      const [, sum, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
      return sum === undefined || name === undefined ? [] : [[name, sum] as const];
    }),
  );
}

async function allAnswer(host: Host, signal: AbortSignal): Promise<string> {
  const silent: string[] = [];
  for (const argv of programsThatAnswer) if (!(await answers(host, argv, signal))) silent.push(argv[0]);
  if (silent.length === 0) return `${programsThatAnswer.length} answer`;
  throw wrong(`no answer from ${silent.join(', ')}`);
}

/** Whatever it says: what cannot start says nothing, or dies of it. */
async function answers(host: Host, argv: Argv, signal: AbortSignal): Promise<boolean> {
  try {
    const okCodes = Array.from({ length: 126 }, (_, code) => code);
    const { stdout, stderr } = await host.run(argv, { okCodes, timeoutMs: 60_000 }, signal);
    return stdout.length > 0 || stderr !== '';
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof LifeboatError) return false;
    throw error;
  }
}

/** Those that storage and filesystems need, and that do nothing by being there. */
const harmless =
  /^(loop|md_mod|linear|raid\d+|dm_(mod|crypt|mirror|snapshot|thin_pool|raid|cache|integrity|multipath|verity)|bcache|ext4|xfs|btrfs|f2fs|jfs|vfat|exfat|ntfs3|isofs|nfs|cifs)$/;

async function allModules(host: Host, { kernel, modules }: Medium, signal: AbortSignal): Promise<string> {
  const { directory, needs } = await readModules('/usr/lib/modules', kernel.version);
  const files = new Map([...needs.keys()].map((file) => [moduleName(file), file]));
  const missing: string[] = [];
  for (const name of modules) {
    const file = files.get(name);
    if (file === undefined || !(await isThere(join(directory, file)))) missing.push(name);
  }
  if (missing.length > 0) throw wrong(`missing modules: ${missing.join(', ')}`);
  const loaded = modules.filter((name) => harmless.test(name));
  await host.run(['modprobe', '--all', ...loaded], { timeoutMs: 300_000 }, signal);
  return `${modules.length} are there, and of those for storage ${loaded.length} were loaded`;
}

const disksSchema = z.object({
  blockdevices: z.array(z.object({ name: z.string(), type: z.string(), ro: z.boolean() })),
});

async function allReadOnly(host: Host, signal: AbortSignal): Promise<string> {
  const argv: Argv = ['lsblk', '--json', '--nodeps', '--output', 'NAME,TYPE,RO'];
  const { blockdevices } = disksSchema.parse(JSON.parse((await host.run(argv, {}, signal)).stdout.toString()));
  const disks = blockdevices.filter(({ name, type }) => type === 'disk' && !/^(ram|zram)/.test(name));
  const open = disks.filter(({ ro }) => !ro).map(({ name }) => name);
  if (open.length > 0) throw wrong(`can be written to: ${open.join(', ')}`);
  return disks.length === 0 ? 'there are none' : `${disks.map(({ name }) => name).join(', ')}: read-only`;
}

/** Whoever may log in is heard, and the server is who the medium says it is; where nobody may, there is no server. */
async function sshAsSaid(host: Host, { hostKey }: Medium, signal: AbortSignal): Promise<string> {
  const keys = await stat('/root/.ssh/authorized_keys').catch(() => undefined);
  const isOpen = (keys?.size ?? 0) > 0 || (await isThere('/etc/ssh/sshd_config.d/password.conf'));
  if (!isOpen) return 'nobody may log in, so there is no server';
  const greeting = await greetingOf(22, signal);
  if (!greeting.startsWith('SSH-2.0-')) throw wrong(`what listens for ssh says ${JSON.stringify(greeting)}`);
  const { stdout } = await host.run(['ssh-keygen', '-l', '-f', '/etc/ssh/ssh_host_ed25519_key.pub'], {}, signal);
  const fingerprint = stdout.toString().split(' ')[1];
  if (hostKey !== undefined && fingerprint !== hostKey)
    throw wrong(`the server is known by ${fingerprint}, and the medium says ${hostKey}`);
  return `listens, known by ${fingerprint}`;
}

async function greetingOf(port: number, signal: AbortSignal): Promise<string> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(60_000)]);
  const socket = createConnection({ port, host: '127.0.0.1', signal: limit });
  try {
    const [data]: unknown[] = await once(socket, 'data', { signal: limit });
    return Buffer.isBuffer(data) ? data.toString('latin1').trim() : '';
  } catch (cause) {
    signal.throwIfAborted();
    throw new LifeboatError('rescue-incomplete', 'the ssh server does not answer', { cause });
  } finally {
    socket.destroy();
  }
}

const isThere = async (path: string): Promise<boolean> =>
  await access(path).then(
    () => true,
    () => false,
  );
