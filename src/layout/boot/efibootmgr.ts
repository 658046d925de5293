/** The boot entries of UEFI firmware, as efibootmgr(8) prints them: versions up to 17, and from 18 on. */
import type { Argv } from '../../host/host.ts';
import { present } from '../../kernel/present.ts';
import { redactedLine } from './command-line.ts';

/** Without options other than `-v` it only reads. */
export const efibootmgrArgv: Argv = ['efibootmgr', '-v'];

export interface EfiEntry {
  /** Four hexadecimal digits. */
  readonly number: string;
  readonly active: boolean;
  readonly label: string;
  /** GUID of a GPT partition; of an MBR the signature and number, as Linux names it: `1b2c3d4e-01`. */
  readonly partUuid?: string;
  readonly partitionNumber?: number;
  /** Of the loader in that partition, with `\` as firmware writes it. */
  readonly path?: string;
  /** What the loader is given: of an EFI stub the command line. */
  readonly arguments?: string;
  readonly mac?: string;
  readonly url?: string;
  /** The whole device path, where it is no file on a partition. */
  readonly devicePath?: string;
}

export interface EfiBoot {
  readonly current?: string;
  readonly next?: string;
  readonly timeoutSeconds?: number;
  readonly order: readonly string[];
  readonly entries: readonly EfiEntry[];
}

export function parseEfibootmgr(stdout: string): EfiBoot {
  const lines = stdout.split('\n');
  const value = (name: string) =>
    lines.flatMap((line) => (line.startsWith(`${name}: `) ? [line.slice(name.length + 2).trim()] : []))[0];
  const seconds = /^(\d+) second/.exec(value('Timeout') ?? '')?.[1];
  const entries = lines.flatMap((line, index) => entryOf(line, dataAfter(lines, index)) ?? []);
  const order = value('BootOrder');
  if (entries.length === 0 && order === undefined && value('BootCurrent') === undefined && seconds === undefined)
    throw new Error('no boot entries, no order, no timeout');
  return {
    order: order?.split(',').filter((number) => /^[0-9A-F]{4}$/i.test(number)) ?? [],
    entries,
    ...present({
      current: value('BootCurrent'),
      next: value('BootNext'),
      timeoutSeconds: seconds === undefined ? undefined : Number(seconds),
    }),
  };
}

/** Version 18 prints the bytes of the optional data in a line of its own after each entry. */
function dataAfter(lines: readonly string[], index: number): Buffer | undefined {
  for (const line of lines.slice(index + 1)) {
    const [, name, hex] = /^\s+(dp|data): ([0-9a-f /]*)/.exec(line) ?? [];
    if (name === undefined || hex === undefined) return undefined;
    if (name === 'data') return Buffer.from(hex.replace(/[^0-9a-f]/g, ''), 'hex');
  }
  return undefined;
}

function entryOf(line: string, data: Buffer | undefined): EfiEntry | undefined {
  const [, number, mark, text] = /^Boot([0-9A-F]{4})([* ]) (.*)$/i.exec(line) ?? [];
  if (number === undefined || text === undefined) return undefined;
  // A label may hold anything, also a tab; a device path holds none.
  const tab = text.lastIndexOf('\t');
  const label = tab === -1 ? text : text.slice(0, tab);
  const place = tab === -1 ? '' : text.slice(tab + 1);
  return { number: number.toUpperCase(), active: mark === '*', label: label.trimEnd(), ...placeOf(place, data) };
}

/** How versions print the data by which firmware marks what it has made by itself. */
const firmwaresMark = /(?:\{auto_created_boot_option\}|N\.{5}YM\.{4}R,Y\.|RC)$/;

const disk = /HD\((\d+),(GPT|MBR),(?:0x)?([0-9a-f-]+),[^)]*\)/i;

function placeOf(place: string, data: Buffer | undefined): Omit<EfiEntry, 'number' | 'active' | 'label'> {
  const mac = /MAC\(([0-9a-f:]+)/i.exec(place)?.[1];
  const url = /Uri\(([^)]*)\)/i.exec(place)?.[1];
  const partition = disk.exec(place);
  if (partition === null) {
    const known = present({ mac: mac === undefined ? undefined : colons(mac), url: emptyIsNone(url) });
    const devicePath = emptyIsNone(withoutData(place, data).replace(firmwaresMark, ''));
    return { ...known, ...present({ devicePath }) };
  }
  const [whole, partitionNumber = '', scheme = '', id = ''] = partition;
  const { path, rest } = pathOf(place.slice(partition.index + whole.length), data);
  return {
    partUuid:
      scheme.toUpperCase() === 'GPT' ? id.toLowerCase() : `${id.toLowerCase()}-${partitionNumber.padStart(2, '0')}`,
    partitionNumber: Number(partitionNumber),
    ...present({ path, arguments: argumentsOf(data, rest) }),
  };
}

/** `/File(\EFI\debian\shimx64.efi)` before version 18, `/\EFI\debian\shimx64.efi` from there on; data follows at once. */
function pathOf(text: string, data: Buffer | undefined): { path: string | undefined; rest: string } {
  const old = /^\/File\(((?:[^()]|\([^()]*\))*)\)/.exec(text);
  if (old !== null) return { path: old[1], rest: text.slice(old[0].length) };
  const path = /^\/(\\.*)$/s.exec(withoutData(text, data))?.[1];
  return { path, rest: '' };
}

/** Version 18 writes data that is no text after the path as hexadecimal digits. */
function withoutData(text: string, data: Buffer | undefined): string {
  if (data === undefined || data.length === 0) return text;
  for (const form of [data.toString('hex'), data.toString('utf16le'), data.toString('latin1')])
    if (text.toLowerCase().endsWith(form.toLowerCase())) return text.slice(0, -form.length);
  return text;
}

/** UCS-2, as every loader that has arguments takes them; what is not text is of no use to anybody else. */
function argumentsOf(data: Buffer | undefined, printed: string): string | undefined {
  const text = data === undefined ? dotted(printed) : ucs2(data);
  return text === undefined || text === '' ? undefined : redactedLine(text);
}

function ucs2(data: Buffer): string | undefined {
  if (data.length < 4 || data.length % 2 !== 0) return undefined;
  const text = data.toString('utf16le').replace(/\0+$/, '');
  return isText(text) ? text : undefined;
}

/** Up to version 17 a byte that cannot be printed is a dot: in UCS-2, every second one. */
function dotted(printed: string): string | undefined {
  if (printed.length < 4 || !/^(?:.\.)*.?$/s.test(printed)) return undefined;
  const text = printed.replace(/(.)\./gs, '$1');
  return isText(text) ? text.replace(/\.$/, '') : undefined;
}

const isText = (text: string): boolean => /^[\x20-\x7e\u00a0-\ud7ff]+$/.test(text) && /[a-z]{2}/i.test(text);

function colons(mac: string): string {
  const digits = mac.replaceAll(':', '').toLowerCase().slice(0, 12);
  return digits.match(/../g)?.join(':') ?? digits;
}

const emptyIsNone = (text: string | undefined): string | undefined => (text === '' ? undefined : text);
