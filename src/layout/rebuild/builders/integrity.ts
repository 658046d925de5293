/** dm-integrity by itself: its superblock with the journal that it had and the salt by which it is known. */
import { present } from '../../../kernel/present.ts';
import type { Command, Word } from '../../../plan/action.ts';
import type { ComponentOf } from '../../types.ts';
import { type Builder, command, device, only, option } from '../builder.ts';
import { wipedThrough } from './tags.ts';

type Integrity = ComponentOf<'integrity'>;
type Geometry = NonNullable<Integrity['geometry']>;
type Opened = NonNullable<Integrity['opened']>;

const journalKeys = ['journal_mac', 'journal_crypt'];
const known = new Set([
  'buffer_sectors',
  'journal_watermark',
  'commit_time',
  'sectors_per_bit',
  'bitmap_flush_interval',
]);

export const integrityBuilder: Builder<Integrity> = {
  problem({ geometry, opened, on, device: path, name }) {
    if (geometry === undefined) return 'its superblock could not be read when it was captured';
    if (on.length !== 1 || geometry.interleaveSectors === 0) return 'its checksums lay on a device of their own';
    if (geometry.flags.includes('inline')) return 'its disk keeps its checksums';
    if (path === undefined) return undefined;
    if (opened === undefined || name === undefined)
      return 'the kernel did not tell how it was opened when it was captured';
    if (journalKeys.some((key) => opened.options[key] !== undefined) || geometry.flags.includes('journal-mac'))
      return 'its journal had a key of its own';
    const other = Object.keys(opened.options).find((one) => !known.has(one));
    return other === undefined ? undefined : `it was opened with ${other}`;
  },
  path: ({ name }) => `/dev/mapper/${name}`,
  release: ({ device: path, name }) =>
    path === undefined || name === undefined ? [] : [{ argv: ['integritysetup', 'close', name], okCodes: [0, 4] }],
  // integritytab is a file, and it alone names what is closed.
  compared(component) {
    const { integritytab: _tab, name, ...rest } = component;
    return component.opened === undefined ? rest : { ...rest, ...present({ name }) };
  },
  create(volume) {
    const { id, geometry, opened, name, sizeBytes } = volume;
    if (geometry === undefined) return [];
    const on = device(only(volume));
    return [
      {
        title: `begin the checksums of ${name ?? id}`,
        commands: [
          { argv: ['wipefs', '--all', '--quiet', on] },
          { argv: ['integritysetup', 'format', '--batch-mode', '--no-wipe', ...formatWords(geometry), on] },
          ...saltCommands(volume),
        ],
      },
      ...(opened === undefined || name === undefined
        ? []
        : [
            {
              title: `open ${name}, and write all of it once`,
              commands: [openCommand(volume, opened, name), wipedThrough(id, sizeBytes, geometry.sectorSize)],
              again: [{ argv: ['integritysetup', 'close', name] satisfies Command['argv'], okCodes: [0, 4] }],
            },
          ]),
    ];
  },
};

function formatWords(geometry: Geometry): string[] {
  const { tagBytes, sectorSize, interleaveSectors, journalSections } = geometry;
  return [
    ...option('--sector-size', sectorSize),
    ...option('--tag-size', tagBytes),
    ...option('--interleave-sectors', interleaveSectors),
    ...option('--journal-size', journalSections * sectionSectors(geometry) * 512),
  ];
}

/** Sectors of a section of the journal, as the kernel reckons them: entries in eight sectors, and the data of each. */
function sectionSectors({ tagBytes, sectorSize }: Geometry): number {
  const blockSectors = sectorSize / 512;
  const entry = Math.ceil((8 + 8 * blockSectors + tagBytes) / 8) * 8;
  return Math.floor(504 / entry) * 8 * blockSectors + 8;
}

/** Where it stands in the superblock; sums are reckoned with it, so that it is set before the first of them. */
const saltAt = 48;

function saltCommands({ id, on }: Integrity): Command[] {
  const [, salt] = /^integrity:([\da-f]{32})$/.exec(id) ?? [];
  if (salt === undefined) return [];
  const octal = (salt.match(/../g) ?? []).map((pair) => `\\${Number.parseInt(pair, 16).toString(8).padStart(3, '0')}`);
  const put = `printf '%b' "$2" | dd of="$1" bs=16 count=1 seek=${saltAt} oflag=seek_bytes iflag=fullblock conv=nocreat,notrunc,fsync status=none`;
  const bytes = octal.map((digits) => digits.replace('\\', '\\0')).join('');
  return on.map((below) => ({ argv: ['sh', '-euc', put, 'sh', device(below), bytes] }));
}

function openCommand(volume: Integrity, { mode, algorithm, keyBytes, options }: Opened, name: string): Command {
  const isBitmap = mode === 'bitmap';
  const words: readonly Word[] = [
    'open',
    '--batch-mode',
    ...option('--integrity', algorithm?.replace(/^hmac\((.*)\)$/, 'hmac-$1')),
    ...(keyBytes === undefined
      ? []
      : [...option('--integrity-key-size', keyBytes), ...option('--integrity-key-file', '/proc/self/fd/0')]),
    ...(isBitmap ? ['--integrity-bitmap-mode'] : mode === 'direct' ? ['--integrity-no-journal'] : []),
    ...option('--buffer-sectors', options['buffer_sectors']),
    ...option('--journal-watermark', options['journal_watermark']),
    ...option('--journal-commit-time', options['commit_time']),
    ...option('--bitmap-sectors-per-bit', options['sectors_per_bit']),
    ...option('--bitmap-flush-time', options['bitmap_flush_interval']),
    device(only(volume)),
    name,
  ];
  return keyBytes === undefined
    ? command('integritysetup', ...words)
    : // It opens its key by name, which works with a pipe, and not with whatever else it may be given.
      {
        ...command('sh', '-euc', 'cat | "$@"', 'sh', 'integritysetup', ...words),
        stdin: { given: `integrity-key:${name}` },
      };
}
