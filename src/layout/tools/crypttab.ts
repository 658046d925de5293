import { unescapeOctal } from './fstab.ts';

/** `/etc/crypttab` (crypttab(5)): what shall be opened, whether it is or not. */
export const crypttabFile = '/etc/crypttab';

export interface CrypttabEntry {
  /** What the opened device is called below `/dev/mapper`. */
  readonly name: string;
  /** Device, `UUID=…`, or the path of an image. */
  readonly spec: string;
  /** Path of the file that holds the key, or what a key script is told; `none` for a passphrase that is asked for. */
  readonly key: string;
  /** `[name, value]`; an option without a value has an empty one. */
  readonly options: readonly (readonly [string, string])[];
}

/** A line that is none is told to `onBad` with its number. */
export function parseCrypttab(content: string, onBad: (line: number) => void): CrypttabEntry[] {
  if (content.includes('\0')) throw new Error('not a text file');
  return content.split('\n').flatMap((line, index) => {
    const fields = line.trim().split(/[ \t]+/);
    if (fields[0] === '' || fields[0]?.startsWith('#') === true) return [];
    const [name, spec, key = 'none', options = ''] = fields.map(unescapeOctal);
    if (name === undefined || spec === undefined) {
      onBad(index + 1);
      return [];
    }
    return [{ name, spec, key: key === '-' ? 'none' : key, options: parseOptions(options) }];
  });
}

function parseOptions(options: string): (readonly [string, string])[] {
  return options
    .split(',')
    .filter((option) => option !== '' && option !== '-')
    .map((option) => {
      const at = option.indexOf('=');
      return at === -1 ? [option, ''] : [option.slice(0, at), option.slice(at + 1)];
    });
}
