/** What the system calls itself: os-release, kernel, machine id, time zone. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import { oneLine } from './hostname.ts';

export const osReleaseSchema = z.object({
  id: z.string(),
  /** What it is derived from or like. */
  idLike: z.array(z.string()).exactOptional(),
  /** Rolling distributions have none. */
  versionId: z.string().exactOptional(),
  codename: z.string().exactOptional(),
  variantId: z.string().exactOptional(),
  /** Of a system that is delivered as an image. */
  imageId: z.string().exactOptional(),
  imageVersion: z.string().exactOptional(),
  prettyName: z.string(),
});

type OsRelease = z.infer<typeof osReleaseSchema>;

export async function captureOsRelease(asker: Asker): Promise<OsRelease | undefined> {
  return (
    (await asker.file('/etc/os-release', parseOsRelease, { mayBeAbsent: true })) ??
    (await asker.file('/usr/lib/os-release', parseOsRelease))
  );
}

/** os-release(5): shell assignments, read without a shell. */
export function parseOsRelease(content: string): OsRelease {
  const fields = new Map<string, string>();
  for (const line of content.split('\n')) {
    const [, key, value] = /^\s*([A-Z][A-Z0-9_]*)=(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    const [, quote, quoted] = /^(["'])(.*)\1\s*$/.exec(value) ?? [];
    const text = quote === '"' ? (quoted ?? '').replace(/\\(["$`\\])/g, '$1') : (quoted ?? value.trim());
    if (text !== '') fields.set(key, text);
  }
  if (fields.size === 0) throw new Error('not an os-release file');
  const id = fields.get('ID') ?? 'linux';
  const idLike = fields.get('ID_LIKE')?.split(/\s+/).filter(Boolean);
  const optional = {
    versionId: 'VERSION_ID',
    codename: 'VERSION_CODENAME',
    variantId: 'VARIANT_ID',
    imageId: 'IMAGE_ID',
    imageVersion: 'IMAGE_VERSION',
  } as const;
  const named = Object.entries(optional).flatMap(([name, key]) => {
    const value = fields.get(key);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    id,
    ...(idLike === undefined ? {} : { idLike }),
    ...Object.fromEntries(named),
    prettyName: fields.get('PRETTY_NAME') ?? fields.get('NAME') ?? id,
  };
}

export function parseUname(stdout: string): { kernel: string; architecture: string } {
  const [, kernel, architecture] = /^(\S+) (\S+)\n?$/.exec(stdout) ?? [];
  if (kernel === undefined || architecture === undefined) throw new Error('not a release and a machine');
  return { kernel, architecture };
}

/** systemd writes `uninitialized` into an image that is to get its own id at its first boot. */
export async function captureMachineId(asker: Asker): Promise<string | undefined> {
  const id = await asker.file('/etc/machine-id', oneLine, { mayBeAbsent: true });
  return id === 'uninitialized' ? undefined : id;
}

/** By name where the system keeps a name, else as the rule that the file of the zone ends with. */
export async function captureTimeZone(asker: Asker): Promise<string | undefined> {
  const linked = await asker.ask({
    argv: ['readlink', '/etc/localtime'],
    okCodes: [0, 1],
    parse: parseZoneLink,
    subject: 'time zone',
  });
  if (linked !== undefined && linked !== '') return linked;
  const named = await asker.file('/etc/timezone', oneLine, { mayBeAbsent: true });
  if (named !== undefined) return named;
  const before = asker.gaps.length;
  const rule = await asker.file('/etc/localtime', parseZoneRule, { mayBeAbsent: true });
  // localtime(5): without the file, it is UTC.
  return rule ?? (asker.gaps.length === before ? 'UTC' : undefined);
}

/** `''` for what is not a link into the database of zones. */
export function parseZoneLink(stdout: string): string {
  return /zoneinfo\/(?:posix\/|right\/)?(\S+)\s*$/.exec(stdout)?.[1] ?? '';
}

/** tzfile(5): version 2 and later end with a rule between two line feeds. */
export function parseZoneRule(content: string): string {
  const rule = content.startsWith('TZif') ? /\n([^\n]*)\n$/.exec(content)?.[1] : undefined;
  if (rule === undefined || !/^[\w<>+\-:,./]+$/.test(rule)) throw new Error('not a file of a zone');
  return rule;
}
