/** Machines of the lab with a TPM 2.0, and with what makes use of it. They boot: what a TPM holds is in no kept state. */
import { spawn } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { startMachine } from '../../src/machine/machine.ts';
import { startTpm } from '../../src/machine/tpm.ts';
import { unpackedSwtpm } from '../../src/qemu/program.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { type Lab, type LabDisk, furnished, makeImages } from './lab.ts';
import { unpackedPackages } from './packages.ts';
import { builderBoot, labEmulation } from './prepared.ts';

/** The releases whose systemd seals keys to a TPM, with the package that does. */
export const sealing = { debian12: ['bookworm', 'systemd'], debian13: ['trixie', 'systemd-cryptsetup'] } as const;

/** What of them, and of the libraries that they load, the builder does not have. */
const wanted =
  /^usr\/(bin\/(systemd-crypt(enroll|setup)$|clevis|jose$|jq$|luksmeta$|pwmake$|tpm2)|lib\/systemd\/(systemd-cryptsetup$|libsystemd-shared)|lib\/x86_64-linux-gnu\/(lib(brotli|crack|curl|ip4tc|jose|jq|lber|ldap|luksmeta|magic|nghttp[23]|ngtcp2|onig|psl|pwquality|rtmp|sasl2|seccomp|ssh2|tss2)|systemd\/libsystemd-shared|cryptsetup\/))/;

export async function startTpmLab(
  { release, disks }: { readonly release: keyof typeof sealing; readonly disks: readonly LabDisk[] },
  signal: AbortSignal,
): Promise<Lab> {
  const emulation = await labEmulation(signal);
  const boot = await builderBoot(release);
  const swtpm = unpackedSwtpm(await unpackedPackages('trixie', ['swtpm']));
  const [suite, sealer] = sealing[release];
  const tree = await unpackedPackages(suite, [sealer, 'clevis-luks', 'clevis-tpm2']);
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const made = await makeImages(emulation.qemu, path, disks, signal);
  const holds = join(path, 'tpm');
  await mkdir(holds);
  const tpm = stack.use(await startTpm(swtpm, holds, signal));
  const spec = {
    name: release,
    memoryMiB: 1024,
    cpus: 1,
    firmware: { kind: 'bios' },
    boot,
    disks: made,
    cards: [],
    tpm: tpm.socket,
  } as const;
  const machine = stack.use(await startMachine(spec, emulation, signal));
  const lab = await furnished(machine, made, made, stack, signal);
  const stdin = await filesOf(tree);
  await lab.host.run(['tar', '-x', '-C', '/', '--keep-directory-symlink'], { stdin, timeoutMs: 300_000 }, signal);
  return lab;
}

async function filesOf(tree: string): Promise<AsyncIterable<Uint8Array>> {
  const entries = await readdir(tree, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(tree, join(entry.parentPath, entry.name)))
    .filter((name) => wanted.test(name));
  return spawn('tar', ['-c', '-C', tree, ...names], { stdio: ['ignore', 'pipe', 'inherit'] }).stdout;
}
