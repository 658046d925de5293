import type { Host } from '../host/host.ts';
import { captureHostname, oneLine } from './hostname.ts';
import { capturePackages } from './packages.ts';
import { type Asker, asker } from '../host/asker.ts';
import { type Facts, factsFormat } from './types.ts';

/**
 * What a host is. Changes nothing on it and ends within a bounded time: what cannot be seen becomes a gap.
 *
 * @throws LifeboatError only what aborted `signal`
 */
export async function captureFacts(host: Host, now: Date, signal: AbortSignal): Promise<Facts> {
  const questions = asker(host, signal);
  const [hostname, machineId, osRelease, system, cpu, memoryBytes, firmware, virtualization, packages] =
    await Promise.all([
      captureHostname(questions),
      questions.file('/etc/machine-id', oneLine, { mayBeAbsent: true }),
      captureOsRelease(questions),
      questions.ask({ argv: ['uname', '-r', '-m'], parse: parseUname }),
      questions.file('/proc/cpuinfo', parseCpuinfo),
      questions.file('/proc/meminfo', parseMeminfo),
      captureFirmware(questions),
      captureVirtualization(questions),
      capturePackages(questions),
    ]);
  return {
    format: factsFormat,
    capturedAt: now.toISOString(),
    hostname,
    ...(machineId === undefined ? {} : { machineId }),
    osRelease: osRelease ?? { id: 'unknown', prettyName: 'unknown' },
    kernel: system?.kernel ?? 'unknown',
    architecture: system?.architecture ?? 'unknown',
    cpuCount: cpu?.count ?? 0,
    ...(cpu?.model === undefined ? {} : { cpuModel: cpu.model }),
    memoryBytes: memoryBytes ?? 0,
    firmware,
    ...(virtualization === undefined ? {} : { virtualization }),
    packages,
    gaps: [...questions.gaps],
  };
}

async function captureOsRelease(asker: Asker): Promise<Facts['osRelease'] | undefined> {
  return (
    (await asker.file('/etc/os-release', parseOsRelease, { mayBeAbsent: true })) ??
    (await asker.file('/usr/lib/os-release', parseOsRelease))
  );
}

/** os-release(5): shell assignments, read without a shell. */
export function parseOsRelease(content: string): Facts['osRelease'] {
  const fields = new Map<string, string>();
  for (const line of content.split('\n')) {
    const [, key, value] = /^\s*([A-Z][A-Z0-9_]*)=(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    const [, quote, quoted] = /^(["'])(.*)\1\s*$/.exec(value) ?? [];
    fields.set(key, quote === '"' ? (quoted ?? '').replace(/\\(["$`\\])/g, '$1') : (quoted ?? value.trim()));
  }
  if (fields.size === 0) throw new Error('not an os-release file');
  const versionId = fields.get('VERSION_ID');
  const id = fields.get('ID') ?? 'linux';
  return {
    id,
    ...(versionId === undefined ? {} : { versionId }),
    prettyName: fields.get('PRETTY_NAME') ?? fields.get('NAME') ?? id,
  };
}

export function parseUname(stdout: string): { kernel: string; architecture: string } {
  const [, kernel, architecture] = /^(\S+) (\S+)\n?$/.exec(stdout) ?? [];
  if (kernel === undefined || architecture === undefined) throw new Error('not a release and a machine');
  return { kernel, architecture };
}

/** On arm64 there is no name of the model. */
export function parseCpuinfo(content: string): { count: number; model?: string } {
  const count = content.match(/^processor\s*:/gm)?.length ?? 0;
  if (count === 0) throw new Error('no processor in it');
  const model = /^(?:model name|cpu model|Model)\s*:\s*(.+)$/m.exec(content)?.[1]?.trim();
  return { count, ...(model === undefined ? {} : { model }) };
}

export function parseMeminfo(content: string): number {
  const kib = /^MemTotal:\s*(\d+) kB$/m.exec(content)?.[1];
  if (kib === undefined) throw new Error('no MemTotal in it');
  return Number(kib) * 1024;
}

/** `/sys/firmware/efi` is there exactly when the kernel was started by UEFI; BIOS exists on x86 alone. */
async function captureFirmware(asker: Asker): Promise<Facts['firmware']> {
  const entries = await asker.ask({
    argv: ['ls', '/sys/firmware'],
    parse: (stdout) => stdout.split('\n'),
    subject: 'firmware',
  });
  if (entries === undefined) return 'unknown';
  if (entries.includes('efi')) return 'uefi';
  return entries.includes('acpi') || entries.includes('memmap') ? 'bios' : 'unknown';
}

async function captureVirtualization(asker: Asker): Promise<string | undefined> {
  const found = await asker.ask({
    argv: ['systemd-detect-virt'],
    parse: oneLine,
    // It answers "none" with 1.
    okCodes: [0, 1],
    subject: 'virtualization',
  });
  return found === 'none' ? undefined : found;
}
