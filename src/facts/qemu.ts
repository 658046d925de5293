/** Guests by the processes of QEMU alone: what runs, and what nobody has a definition of. */
import type { Guest } from './guest.ts';
import { type CommandLine, optionValues, programOf } from './processes.ts';

/** `a=b,c=d`, where a doubled comma stands for itself. */
function options(value: string): Map<string, string> {
  const parts = value.replaceAll(',,', '\0').split(',');
  return new Map(
    parts.map((part) => {
      const equals = part.indexOf('=');
      const text = part.slice(equals + 1).replaceAll('\0', ',');
      return equals < 0 ? ['', text] : [part.slice(0, equals), text];
    }),
  );
}

/** libvirt gives options as JSON as well. */
function option(value: string, key: string): string | undefined {
  if (!value.startsWith('{')) return options(value).get(key);
  return new RegExp(`"${key}":"((?:[^"\\\\]|\\\\.)*)"`).exec(value)?.[1];
}

function disksOf(line: CommandLine): string[] {
  const drives = optionValues(line, '-drive').flatMap((value) => {
    const file = option(value, 'file');
    return option(value, 'media') === 'cdrom' || option(value, 'if') === 'pflash' || !file ? [] : [file];
  });
  const blocks = optionValues(line, '-blockdev').flatMap((value) =>
    /pflash/.test(option(value, 'node-name') ?? '') ? [] : (option(value, 'filename') ?? []),
  );
  const plain = ['-hda', '-hdb', '-hdc', '-hdd'].flatMap((name) => optionValues(line, name));
  return [...new Set([...drives, ...blocks, ...plain])];
}

export function parseQemu(lines: readonly CommandLine[]): Guest[] {
  const seen = lines.filter((line) => /^(?:qemu-system-.*|qemu-kvm|kvm)$/.test(programOf(line)));
  return seen.flatMap((line): Guest[] => {
    const [named = ''] = optionValues(line, '-name');
    const name = option(named, 'guest') ?? options(named).get('') ?? '';
    const id = optionValues(line, '-id')[0] ?? optionValues(line, '-uuid')[0];
    if (name === '' && id === undefined) return [];
    return [
      {
        manager: 'qemu',
        name: name === '' ? (id ?? '') : name,
        ...(id === undefined ? {} : { id }),
        running: true,
        disks: disksOf(line),
      },
    ];
  });
}
