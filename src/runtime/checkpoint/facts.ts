/** What a checkpoint depends on besides the container: kernel, CRIU, processor. */
import { join } from 'node:path/posix';
import { anyCode } from '../../host/any-code.ts';
import type { Argv, Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';

export interface Ground {
  readonly kernel: string;
  readonly architecture: string;
}

export async function groundOf(host: Host, signal: AbortSignal): Promise<Ground> {
  return { kernel: await said(host, ['uname', '-r'], signal), architecture: await said(host, ['uname', '-m'], signal) };
}

/** Its version. @throws LifeboatError `tool-missing` */
export async function criuOf(host: Host, signal: AbortSignal): Promise<string> {
  const version = await said(host, ['criu', '--version'], signal).catch((error: unknown) => {
    if (!(error instanceof LifeboatError) || error.code !== 'tool-missing') throw error;
    throw new LifeboatError('tool-missing', 'CRIU is not installed here', {
      hint: 'Install CRIU 4.2 or newer (Debian: from sid or backports; docs/containers.md), and see "lifeboat doctor". Without it, a container can be stopped and copied: --stop-instead.',
    });
  });
  return /^Version:\s*(\S+)/m.exec(version)?.[1] ?? version;
}

async function said(host: Host, argv: Argv, signal: AbortSignal): Promise<string> {
  return (await host.run(argv, { timeoutMs: 15_000 }, signal)).stdout.toString().trim();
}

/** Writes `cpuinfo.img` into a directory. @returns its path */
export async function dumpCpu(host: Host, directory: string, signal: AbortSignal): Promise<string> {
  const argv = ['criu', 'cpuinfo', 'dump', '--images-dir', directory] as const;
  await host.run(argv, { timeoutMs: 15_000 }, signal);
  return join(directory, 'cpuinfo.img');
}

/** Whether this processor can go on with what one has begun whose `cpuinfo.img` lies in this directory. */
export async function cpuFits(host: Host, directory: string, signal: AbortSignal): Promise<boolean> {
  const argv = ['criu', 'cpuinfo', 'check', '--images-dir', directory] as const;
  return (await host.run(argv, { okCodes: anyCode, timeoutMs: 15_000 }, signal)).code === 0;
}

/** Whether the kernel tells which memory was written since it was last asked. */
export async function tracksMemory(host: Host, signal: AbortSignal): Promise<boolean> {
  const argv = ['criu', 'check', '--feature', 'mem_dirty_track'] as const;
  return (await host.run(argv, { okCodes: anyCode, timeoutMs: 15_000 }, signal)).code === 0;
}

/** Bytes that are free where a directory is. */
export async function freeBytes(host: Host, directory: string, signal: AbortSignal): Promise<number> {
  const argv = ['df', '--block-size=1', '--output=avail', '--', directory] as const;
  const { stdout } = await host.run(argv, { timeoutMs: 15_000 }, signal);
  return Number(stdout.toString().trim().split('\n').at(-1));
}

/** Whether images of one CRIU can be read by another: one that is older may not know what is in them. */
export function isOlder(version: string, than: string): boolean {
  const numbers = (text: string): readonly number[] => text.split(/[.-]/).map(Number);
  const [one, other] = [numbers(version), numbers(than)];
  for (let index = 0; index < 2; index += 1) {
    const [left = 0, right = 0] = [one[index], other[index]];
    if (left !== right) return left < right;
  }
  return false;
}
