/** Where QEMU is, and how its programs are started. */
import { access, constants } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Argv } from '../host/host.ts';
import { missingToolHint } from '../host/packages.ts';
import { LifeboatError } from '../kernel/errors.ts';

type Program = 'qemu-system-x86_64' | 'qemu-img';

/** An installation of QEMU, 8.0 or newer. */
export interface Qemu {
  /** The beginning of a command line. */
  argv(program: Program): Argv;
  readonly env: Readonly<Record<string, string>>;
  /** Directories with firmware for UEFI (`OVMF_CODE_4M.fd` and so on), the first that has a file counts. */
  readonly firmware: readonly string[];
}

/** The one that is installed here. @throws LifeboatError `tool-missing` */
export async function installedQemu(): Promise<Qemu> {
  const programs = {
    'qemu-system-x86_64': await programInPath('qemu-system-x86_64'),
    'qemu-img': await programInPath('qemu-img'),
  };
  const own = join(dirname(programs['qemu-system-x86_64']), '../share/OVMF');
  return { argv: (program) => [programs[program]], env: {}, firmware: [own, '/usr/share/OVMF'] };
}

async function programInPath(name: string): Promise<string> {
  for (const directory of (process.env['PATH'] ?? '').split(':').filter((one) => one.startsWith('/'))) {
    const path = join(directory, name);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  throw new LifeboatError('tool-missing', `no such program: ${name}`, { hint: missingToolHint(name) });
}

/** A tree into which Debian's packages were unpacked. Nothing in it is installed: its programs run through its own loader. */
export function unpackedQemu(tree: string): Qemu {
  const libraries = librariesOf(tree);
  const share = join(tree, 'usr/share');
  return {
    argv(program) {
      const data = program === 'qemu-img' ? [] : ['-L', join(share, 'qemu'), '-L', join(share, 'seabios')];
      return [...unpackedProgram(tree, program, 'pulseaudio'), ...data];
    },
    env: { QEMU_MODULE_DIR: join(libraries, 'qemu') },
    firmware: [join(share, 'OVMF')],
  };
}

/** The beginning of a command line of swtpm, an emulator of TPMs, in such a tree. */
export function unpackedSwtpm(tree: string): Argv {
  return unpackedProgram(tree, 'swtpm', 'swtpm');
}

const librariesOf = (tree: string): string => join(tree, 'usr/lib/x86_64-linux-gnu');

/** @param own directory of further libraries */
function unpackedProgram(tree: string, program: string, own: string): Argv {
  const libraries = librariesOf(tree);
  const path = [libraries, join(libraries, own)].join(':');
  const loader = join(libraries, 'ld-linux-x86-64.so.2');
  return [loader, '--argv0', program, '--library-path', path, join(tree, 'usr/bin', program)];
}

/** Code and a template of the variables, both to be used as flash memory. */
export interface UefiFirmware {
  readonly code: string;
  /** To be copied for each machine, which writes to it. */
  readonly variables: string;
}

/**
 * UEFI for a machine; with Secure Boot, Microsoft's keys are enrolled, by which the shims of distributions are signed.
 *
 * @throws LifeboatError `tool-missing` where it is not installed
 */
export async function uefiFirmware(qemu: Qemu, secureBoot: boolean): Promise<UefiFirmware> {
  const [code, variables] = secureBoot
    ? ['OVMF_CODE_4M.secboot.fd', 'OVMF_VARS_4M.ms.fd']
    : ['OVMF_CODE_4M.fd', 'OVMF_VARS_4M.fd'];
  return { code: await firmwareFile(qemu, code), variables: await firmwareFile(qemu, variables) };
}

async function firmwareFile(qemu: Qemu, name: string): Promise<string> {
  for (const directory of qemu.firmware) {
    const path = join(directory, name);
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  throw new LifeboatError('tool-missing', `no UEFI firmware for virtual machines: ${name}`, {
    hint: `Install OVMF (Debian, Ubuntu: apt-get install ovmf). Looked in ${qemu.firmware.join(', ')}.`,
  });
}
