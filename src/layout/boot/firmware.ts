/** What starts the machine before any loader: its kind, and of UEFI what may be started. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Asker } from '../../host/asker.ts';
import type { Argv } from '../../host/host.ts';
import { present } from '../../kernel/present.ts';
import { nameToBytes } from '../../kernel/text.ts';
import { records } from './reading.ts';

export const firmwareSchema = z.enum(['uefi', 'bios', 'openfirmware', 'devicetree', 'unknown']);
export type Firmware = z.infer<typeof firmwareSchema>;

export const secureBootSchema = z.object({
  /** `setup`: the firmware takes keys from anybody; `unsupported`: it has no Secure Boot. */
  state: z.enum(['enabled', 'disabled', 'setup', 'unsupported']),
  /** Whether shim checks what it starts; absent where no shim started this system. */
  shim: z.enum(['checks', 'does-not-check']).exactOptional(),
  /** SHA-256 of the certificates and hashes that shim trusts beside those of the firmware. */
  machineOwnerKeys: z
    .array(z.object({ type: z.enum(['certificate', 'hash', 'other']), sha256: z.string() }))
    .exactOptional(),
  /** Generation from which on shim starts loaders: `sbat,1,2024010900`. */
  revocations: z.string().exactOptional(),
});
export type SecureBoot = z.infer<typeof secureBootSchema>;

export const firmwareArgv: Argv = ['find', '/sys/firmware', '-maxdepth', '3', '-print0'];

export function parsePaths(stdout: string): ReadonlySet<string> {
  return new Set(records(stdout));
}

/** Nothing can be said where the kernel's files are not to be seen, as in a container. */
export function firmwareOf(paths: ReadonlySet<string>): Firmware {
  const tree = '/sys/firmware/devicetree/base';
  if (paths.has('/sys/firmware/efi')) return 'uefi';
  // A kernel with ACPI may show an empty tree of devices.
  if (paths.has('/sys/firmware/acpi') || paths.has('/sys/firmware/memmap')) return 'bios';
  if (paths.has(`${tree}/openprom`) || paths.has(`${tree}/rtas`)) return 'openfirmware';
  return paths.has(`${tree}/compatible`) ? 'devicetree' : 'unknown';
}

const variables = '/sys/firmware/efi/efivars';
const global = '8be4df61-93ca-11d2-aa0d-00e098032b8c';
const shim = '605dab50-e046-4300-abb6-3dd810dd8b23';
const loader = '4a67b082-0a4c-41cf-b6c7-440b29bb8c4f';

/** The content of a variable, without the four bytes of attributes before it. */
export function variable(content: string): Buffer {
  const bytes = nameToBytes(content);
  if (bytes.length < 5) throw new Error('no content');
  return bytes.subarray(4);
}

export function flag(content: string): boolean {
  const [value] = variable(content);
  if (value !== 0 && value !== 1) throw new Error('neither 0 nor 1');
  return value === 1;
}

export function wideText(content: string): string {
  return variable(content)
    .toString('utf16le')
    .replace(/\0[^]*$/, '');
}

/** @param paths below /sys/firmware */
export async function askSecureBoot(
  asker: Asker,
  firmware: Firmware,
  paths: ReadonlySet<string>,
): Promise<SecureBoot | undefined> {
  if (firmware === 'unknown') return undefined;
  if (firmware !== 'uefi') return { state: 'unsupported' };
  if (!hasVariables(paths)) {
    asker.gap({
      subject: variables,
      problem: 'the variables of the firmware cannot be seen: neither its boot entries nor Secure Boot',
      hint: 'mount -t efivarfs efivarfs /sys/firmware/efi/efivars',
    });
    return undefined;
  }
  const read = async <T>(name: string, guid: string, parse: (content: string) => T): Promise<T | undefined> => {
    const path = `${variables}/${name}-${guid}`;
    return paths.has(path) ? await asker.file(path, parse, { mayBeAbsent: true }) : undefined;
  };
  if (!paths.has(`${variables}/SecureBoot-${global}`)) return { state: 'unsupported' };
  const [enabled, setup, insecure, keys, revocations] = await Promise.all([
    read('SecureBoot', global, flag),
    read('SetupMode', global, flag),
    read('MokSBStateRT', shim, flag),
    read('MokListRT', shim, (content) => signatures(variable(content))),
    read('SbatLevelRT', shim, (content) => variable(content).toString('latin1').split('\n')[0]?.replace(/\0.*$/s, '')),
  ]);
  if (enabled === undefined) return undefined;
  return {
    state: enabled ? 'enabled' : setup === true ? 'setup' : 'disabled',
    ...present({
      shim: keys === undefined && insecure === undefined ? undefined : insecure === true ? 'does-not-check' : 'checks',
      machineOwnerKeys: keys,
      revocations: revocations === '' ? undefined : revocations,
    } as const),
  };
}

export function hasVariables(paths: ReadonlySet<string>): boolean {
  return [...paths].some((path) => path.startsWith(`${variables}/`));
}

/** Whether the firmware keeps any boot entry: without one there is nothing that a tool could tell. */
export function hasEntries(paths: ReadonlySet<string>): boolean {
  return [...paths].some((path) => /\/Boot[0-9A-F]{4}-/.test(path));
}

/** What a loader that follows the Boot Loader Interface says of itself. */
export async function askStarter(asker: Asker, paths: ReadonlySet<string>) {
  const read = async (name: string): Promise<string | undefined> => {
    const path = `${variables}/${name}-${loader}`;
    return paths.has(path) ? await asker.file(path, wideText, { mayBeAbsent: true }) : undefined;
  };
  const [name, stub, partUuid] = await Promise.all([
    read('LoaderInfo'),
    read('StubInfo'),
    read('LoaderDevicePartUUID'),
  ]);
  const found = present({ name, stub, partUuid: partUuid?.toLowerCase() });
  return Object.keys(found).length === 0 ? undefined : found;
}

const types: Readonly<Record<string, 'certificate' | 'hash'>> = {
  a159c0a5e494a74a87b5ab155c2bf072: 'certificate',
  '2616c4c14c509240aca941f936934328': 'hash',
};

/** EFI_SIGNATURE_LIST; UEFI specification 2.10, section 32.4.1. A hash stands for itself. */
export function signatures(bytes: Buffer): NonNullable<SecureBoot['machineOwnerKeys']> {
  const found: NonNullable<SecureBoot['machineOwnerKeys']> = [];
  for (let start = 0; start + 28 <= bytes.length; ) {
    const type = types[bytes.toString('hex', start, start + 16)] ?? 'other';
    const end = start + bytes.readUInt32LE(start + 16);
    const size = bytes.readUInt32LE(start + 24);
    if (end > bytes.length || end < start + 28 || size <= 16) throw new Error('not a list of signatures');
    for (let at = start + 28 + bytes.readUInt32LE(start + 20); at + size <= end; at += size) {
      const content = bytes.subarray(at + 16, at + size);
      const sha256 = type === 'hash' ? content.toString('hex') : createHash('sha256').update(content).digest('hex');
      found.push({ type, sha256 });
    }
    start = end;
  }
  return found;
}
