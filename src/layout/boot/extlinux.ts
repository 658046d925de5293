/** The configuration of extlinux and Syslinux, which U-Boot reads too. */
import { present } from '../../kernel/present.ts';
import type { BootEntry } from './bls.ts';
import { redactedLine } from './command-line.ts';

/** Its entries, in their order, and what stands before the first of them. */
export function parseExtlinux(lines: readonly string[]): { entries: BootEntry[]; settings: Record<string, string> } {
  const settings: Record<string, string> = {};
  const found: { name: string; fields: Map<string, string> }[] = [];
  for (const line of lines) {
    const [, word, value] = /^\s*([a-z]+)(?:\s+(.*?))?\s*$/i.exec(line) ?? [];
    if (word === undefined || value === undefined) continue;
    const key = word.toLowerCase();
    if (key === 'label') found.push({ name: value, fields: new Map() });
    else if (key === 'menu' && /^title\s/i.test(value)) settings['menu title'] = value.slice(6);
    else if (key === 'menu' && !/^label\s/i.test(value)) continue;
    else {
      const last = found.at(-1);
      if (last === undefined) settings[key] = value;
      else last.fields.set(key, key === 'menu' ? value.slice(6).replaceAll('^', '') : value);
    }
  }
  return { entries: found.map(({ name, fields }) => entryOf(name, fields)), settings };
}

function entryOf(name: string, fields: ReadonlyMap<string, string>): BootEntry {
  const append = (fields.get('append') ?? '').trim();
  const given = /(?:^|\s)initrd=(\S+)/.exec(append)?.[1];
  const options = append.replace(/(?:^|\s)initrd=\S+/, '').trim();
  return {
    name,
    initrd: (fields.get('initrd') ?? given ?? '').split(/[,\s]+/).filter((path) => path !== ''),
    ...present({
      title: fields.get('menu'),
      linux: fields.get('linux') ?? fields.get('kernel'),
      devicetree: fields.get('fdt') ?? fields.get('devicetree'),
      options: options === '' ? undefined : redactedLine(options),
    }),
  };
}
