/** Encryption without a header, as of swap with a new key at every start: all settings are in crypttab and, while it is open, the kernel. */
import { z } from 'zod';
import type { Asker } from '../../host/asker.ts';
import { bounded } from '../../host/bounded.ts';
import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import { crypttabDevice, crypttabLine, crypttabLineSchema } from '../crypttab.ts';
import { bytes, carriers, common, harmless, type LayoutHandler, missing, text } from '../handler.ts';
import type { Probes } from '../probes.ts';
import type { CrypttabEntry } from '../tools/crypttab.ts';
import type { BlockDevice } from '../tools/lsblk.ts';
import { mappingsSubject } from '../stacked.ts';

const settingsSchema = z.object({
  cipher: z.string(),
  keyBytes: bytes,
  sectorSize: bytes,
  /** Where it begins on its device. */
  offsetBytes: bytes,
  /** Which sector the first one counts as: `cryptsetup open --skip`. */
  ivOffset: bytes,
  /** As `allow_discards`. */
  flags: z.array(z.string()),
});

type Settings = z.infer<typeof settingsSchema>;

const schema = z.object({
  kind: z.literal('crypt'),
  ...common,
  name: z.string(),
  /** Path as last seen, while it is open: no identity. */
  device: text,
  sizeBytes: bytes,
  open: z.boolean(),
  /** Its line in crypttab. */
  crypttab: crypttabLineSchema.exactOptional(),
  /** As the kernel has it; absent while it is closed. */
  geometry: settingsSchema.exactOptional(),
});

type Crypt = z.infer<typeof schema>;

export const crypt: LayoutHandler<Crypt> = {
  kind: 'crypt',
  schema,
  under: carriers,
  askedBy: ['/etc/crypttab', mappingsSubject],
  deviceId: ({ mapping }) => {
    const name = openedName(mapping?.uuid);
    return name === undefined ? undefined : idOf(name);
  },
  async capture(probes, asker) {
    const within = bounded(asker);
    const opened = probes.devices.flatMap((device) => {
      const name = openedName(device.mapping?.uuid);
      return name === undefined ? [] : [{ name, device }];
    });
    const lines = probes.crypttab.filter(isPlain);
    const closed = lines.filter((line) => !opened.some(({ name }) => name === line.name));
    const [live, others] = await Promise.all([
      Promise.all(
        opened.map(({ name, device }) =>
          openComponent(
            name,
            device,
            lines.find((line) => line.name === name),
            probes,
            within,
          ),
        ),
      ),
      Promise.all(closed.map((line) => closedComponent(line, probes, within))),
    ]);
    return [...live, ...others.filter((one) => one !== undefined)];
  },
  keyOf: ({ crypttab }) => crypttab?.key,
  title: ({ name, sizeBytes, open, crypttab, geometry }) =>
    [
      'encrypted without a header',
      formatBytes(sizeBytes),
      geometry?.cipher,
      open ? `open as ${name}` : `${name}, closed`,
      crypttab === undefined ? undefined : 'in crypttab',
    ]
      .filter((part) => part !== undefined)
      .join('  '),
  coverage({ open, crypttab }, { carrying }) {
    if (carrying) return undefined;
    if (/(^|,)(swap|tmp)\b/.test(crypttab?.options ?? '')) return harmless('made anew at every start');
    return missing(
      open
        ? 'no filesystem was seen in it: if it holds data, nothing of it is backed up'
        : 'it is closed: what it holds cannot be read',
    );
  },
  volatile: ['device'],
  risk: ({ change }) => (change === 'added' ? 'data' : 'appearance'),
};

const idOf = (name: string): string => `crypt:${name}`;

function openedName(mapping: string | undefined): string | undefined {
  return /^CRYPT-PLAIN-(.+)$/s.exec(mapping ?? '')?.[1];
}

/** Lines without such an option are of LUKS, of TrueCrypt or of BitLocker. */
function isPlain({ options }: CrypttabEntry): boolean {
  return (
    options.some(([name]) => ['plain', 'swap', 'tmp'].includes(name)) && !options.some(([name]) => name === 'luks')
  );
}

async function openComponent(
  name: string,
  { number, path, sizeBytes, parents }: BlockDevice,
  line: CrypttabEntry | undefined,
  probes: Probes,
  asker: Asker,
): Promise<Crypt> {
  const [major = '', minor = ''] = number.split(':');
  const geometry = await asker.ask({
    // Without "--showkeys" there is only how long the key is.
    argv: ['dmsetup', 'table', '--major', major, '--minor', minor],
    parse: parseTable,
    subject: path,
  });
  return {
    kind: 'crypt',
    id: idOf(name),
    on: parents.map((parent) => probes.ids.get(parent) ?? parent),
    name,
    device: path,
    sizeBytes,
    open: true,
    ...present({ crypttab: line === undefined ? undefined : crypttabLine(line), geometry }),
  };
}

async function closedComponent(line: CrypttabEntry, probes: Probes, asker: Asker): Promise<Crypt | undefined> {
  const device = await crypttabDevice(line.spec, probes, asker);
  // What is known by what lies on it has a header of its own, whatever crypttab says of it.
  if (device === undefined || probes.contentKindOf(device) !== undefined) return undefined;
  return {
    kind: 'crypt',
    id: idOf(line.name),
    on: [probes.ids.get(device.number) ?? device.number],
    name: line.name,
    sizeBytes: device.sizeBytes,
    open: false,
    crypttab: crypttabLine(line),
  };
}

/**
 * `0 262144 crypt aes-xts-plain64 0000… 0 8:16 0 2 allow_discards sector_size:4096`
 *
 * @throws Error for a table that is none of one target `crypt`
 */
export function parseTable(stdout: string): Settings {
  const [, cipher, key = '', iv, offset, rest = ''] =
    /^0 \d+ crypt (\S+) (\S+) (\d+) \d+:\d+ (\d+)(?: \d+ ([^\n]*))?\n?$/.exec(stdout) ?? [];
  if (cipher === undefined) throw new Error('not the table of one target');
  const [, named] = /^:(\d+):/.exec(key) ?? [];
  const options = rest.split(' ').filter((option) => option !== '');
  const size = options.map((option) => /^sector_size:(\d+)$/.exec(option)?.[1]).find((found) => found !== undefined);
  return {
    cipher,
    keyBytes: named === undefined ? key.replace(/^-$/, '').length / 2 : Number(named),
    sectorSize: Number(size ?? 512),
    offsetBytes: Number(offset) * 512,
    ivOffset: Number(iv),
    flags: options.filter((option) => !option.startsWith('sector_size:')).sort(),
  };
}
