/** Entries of the Boot Loader Specification, and the settings of systemd-boot. */
import { z } from 'zod';
import { basename } from 'node:path/posix';
import { present } from '../../kernel/present.ts';
import { redactedLine } from './command-line.ts';

export const entrySchema = z.object({
  /** File name without `.conf`, or the label of the entry. */
  name: z.string(),
  title: z.string().exactOptional(),
  version: z.string().exactOptional(),
  machineId: z.string().exactOptional(),
  sortKey: z.string().exactOptional(),
  /** Paths from the top of the filesystem that holds the entry. */
  linux: z.string().exactOptional(),
  initrd: z.array(z.string()),
  devicetree: z.string().exactOptional(),
  /** A program that is started instead of a kernel. */
  efi: z.string().exactOptional(),
  options: z.string().exactOptional(),
});
export type BootEntry = z.infer<typeof entrySchema>;

/** @throws for what names nothing to start */
export function parseEntry(path: string, lines: readonly string[]): BootEntry {
  const fields = pairs(lines);
  const all = (key: string) => fields.flatMap(([name, value]) => (name === key ? [value] : []));
  const one = (key: string) => all(key).at(-1);
  const options = all('options').join(' ');
  const started = { linux: one('linux'), efi: one('efi') ?? one('uki') };
  if (started.linux === undefined && started.efi === undefined)
    throw new Error('starts neither a kernel nor a program');
  return {
    name: basename(path).replace(/\.conf$/, ''),
    // Several on one line, as GRUB takes them.
    initrd: all('initrd').flatMap((value) => value.split(/\s+/)),
    ...present({
      ...started,
      title: one('title'),
      version: one('version'),
      machineId: one('machine-id'),
      sortKey: one('sort-key'),
      devicetree: one('devicetree'),
      options: options === '' ? undefined : redactedLine(options),
    }),
  };
}

/** `loader.conf`: its values by name. */
export function parseLoaderConf(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(pairs(lines));
}

function pairs(lines: readonly string[]): [string, string][] {
  return lines.flatMap((line): [string, string][] => {
    const [, key, value] = /^\s*([a-z][a-z0-9-]*)[\s=]+(.*?)\s*$/i.exec(line) ?? [];
    return key === undefined || value === undefined || value === '' ? [] : [[key.toLowerCase(), value]];
  });
}
