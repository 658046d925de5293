/** LUKS: its header as it was kept with the point, which brings slots and tokens back; then it is opened with a key that it knows. */
import { present } from '../../../kernel/present.ts';
import { printable } from '../../../kernel/text.ts';
import type { Command, Word } from '../../../plan/action.ts';
import type { ComponentOf } from '../../types.ts';
import { type Builder, type Deed, device, option } from '../builder.ts';
import { blankedEnds } from './blanked.ts';
import { wipedThrough } from './tags.ts';

type Luks = ComponentOf<'luks'>;
type Geometry = NonNullable<Luks['geometry']>;

/** By this name an executor is asked for the header that was kept. */
const headerOf = ({ uuid }: Luks): string => `luks-header:${uuid}`;
/** And for a passphrase, or what is in a key file, that opens it. */
const keyOf = ({ uuid }: Luks): string => `luks-key:${uuid}`;
/** Or for the key of the volume itself, for which no slot is asked. */
const volumeKeyOf = ({ uuid }: Luks): string => `luks-volume-key:${uuid}`;

const magic = Buffer.from('LUKS\xba\xbe', 'latin1');
/** In headers of both versions. */
const uuidAt = 168;

/** Why what is given by a name is not what it is asked for; `undefined` where it is, or nobody can see that. */
export function wrongHeader(name: string, bytes: Uint8Array): string | undefined {
  const [, uuid] = /^luks-header:(.*)$/.exec(name) ?? [];
  if (uuid === undefined) return undefined;
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!header.subarray(0, magic.length).equals(magic)) return `what was given as the LUKS header of ${uuid} is none`;
  const [own = ''] = header.toString('latin1', uuidAt, uuidAt + 40).split('\0', 1);
  return own === uuid ? undefined : `the LUKS header that was given for ${uuid} is that of ${printable(own)}`;
}

const nameOf = ({ name, crypttab, uuid }: Luks): string => name ?? crypttab?.name ?? `luks-${uuid}`;

/** Where its data are. */
function dataOf({ id, on, header }: Luks): string {
  const [data, ...others] = on.filter((one) => header?.file !== undefined || one !== header?.on);
  if (data === undefined || others.length > 0) throw new Error(`${id} has no one device with its data`);
  return data;
}

/** Bytes that are kept of each sector, by how they are reckoned. */
const tagBytes: Readonly<Record<string, number>> = { 'hmac(sha1)': 20, 'hmac(sha256)': 32, 'hmac(sha512)': 64 };

export const luksBuilder: Builder<Luks> = {
  problem({ uuid, geometry, header, on }) {
    if (uuid === undefined || geometry === undefined) return 'its header could not be read when it was captured';
    const data = on.filter((one) => header?.file !== undefined || one !== header?.on);
    if (data.length !== 1) return 'the device with its data was not there';
    const { requirements, segmentType, integrity } = geometry;
    if (requirements.length > 0) return `it was being changed: ${requirements.join(', ')}`;
    if (segmentType !== undefined) return `its drive encrypts it (${segmentType})`;
    if (integrity === undefined) return undefined;
    const isPlain = integrity.journalEncryption === 'none' && integrity.journalIntegrity === 'none';
    return isPlain && tagBytes[integrity.type] !== undefined
      ? undefined
      : `it notices changed data by ${integrity.type}`;
  },
  path: (component) => `/dev/mapper/${nameOf(component)}`,
  release: ({ open, name }) => (open && name !== undefined ? [closed(name)] : []),
  omitted({ header, open }) {
    const isBare = header?.file !== undefined && !open;
    return isBare
      ? 'as its header is in a file, and it was closed: nothing of it is on its disk but what it held'
      : undefined;
  },
  // crypttab is a file; and so are headers, which tell all but by what name it is open.
  compared({ id, kind, on, sizeBytes, open, name, ...rest }) {
    const seen = { id, kind, on, sizeBytes, open, ...present({ name, renewed: rest.renewed }) };
    if (rest.header?.file !== undefined || rest.geometry === undefined) return seen;
    const { crypttab: _, device: _device, opener: _opener, ...told } = rest;
    return { ...seen, ...told };
  },
  create(component) {
    const { geometry, header, open, renewed } = component;
    if (geometry === undefined) return [];
    const isApart = header?.file !== undefined;
    return [
      ...(renewed === true ? [formatted(component, geometry)] : isApart ? [] : [restored(component)]),
      ...(renewed !== true && geometry.integrity !== undefined ? [tagged(component, geometry)] : []),
      ...(open ? [opened(component, geometry)] : []),
    ];
  },
};

const closed = (name: string): Command => ({ argv: ['cryptsetup', 'close', name], okCodes: [0, 4] });

function restored(component: Luks): Deed {
  const { header } = component;
  const place = header?.on ?? dataOf(component);
  return {
    title: `put the LUKS header of ${nameOf(component)} back`,
    commands: [
      {
        argv: ['dd', { device: place, before: 'of=' }, 'bs=1M', 'conv=nocreat,notrunc,fsync', 'status=none'],
        stdin: { given: headerOf(component) },
      },
    ],
  };
}

/** One that lies in a file comes back with the files: until then it is needed to open the volume, and nowhere else. */
const lentHeader = ({ uuid }: Luks): string => `/run/lifeboat-${uuid}.header`;

const lent = (file: string, given: string): Command => ({
  argv: ['sh', '-euc', 'umask 077; cat > "$1"', 'sh', file],
  stdin: { given },
});
const gone = (file: string): Command => ({ argv: ['rm', '--force', file] });

function opened(component: Luks, { integrity, offsetBytes, sectorSize }: Geometry): Deed {
  const name = nameOf(component);
  const { header, sizeBytes } = component;
  const file = header?.file === undefined ? undefined : lentHeader(component);
  const place: readonly Word[] =
    file !== undefined ? ['--header', file] : header?.on === undefined ? [] : ['--header', device(header.on)];
  return {
    title: `open ${name}`,
    commands: [
      // With checksums nothing of it can be read until all of it is written to, and with another key nobody knows what was there.
      ...(integrity === undefined && component.renewed !== true
        ? [blankedEnds(device(dataOf(component)), offsetBytes)]
        : []),
      ...(file === undefined ? [] : [lent(file, headerOf(component))]),
      component.opener === 'volume-key' ? byVolumeKey(component, place) : bySlot(component, place),
      ...(file === undefined ? [] : [gone(file)]),
      ...(integrity === undefined ? [] : [wipedThrough(component.id, sizeBytes, sectorSize)]),
    ],
    again: [closed(name)],
  };
}

const openLimitMs = 5 * 60_000;

function bySlot(component: Luks, place: readonly Word[]): Command {
  const target = [...place, device(dataOf(component)), nameOf(component)];
  return {
    argv: ['cryptsetup', 'open', '--type', 'luks', '--key-file', '-', ...target],
    stdin: { given: keyOf(component) },
    timeoutMs: openLimitMs,
  };
}

/** cryptsetup takes such a key from a file alone, by the name of this option that every version knows. */
const openByVolumeKey = `
umask 077
key=$(mktemp /run/lifeboat-key.XXXXXX)
trap 'rm -f "$key"' EXIT
trap 'exit 1' HUP INT TERM
cat > "$key"
cryptsetup open --type luks --master-key-file "$key" "$@"
`;

function byVolumeKey(component: Luks, place: readonly Word[]): Command {
  const target = [...place, device(dataOf(component)), nameOf(component)];
  return {
    argv: ['sh', '-euc', openByVolumeKey, 'cryptsetup', ...target],
    stdin: { given: volumeKeyOf(component) },
    timeoutMs: openLimitMs,
  };
}

/**
 * What is kept of each sector has a beginning of its own, which no header holds: the kernel makes it where there are zeros, once somebody
 * opens it by that name alone. cryptsetup(8) does the same when it formats one.
 */
function tagged(component: Luks, { offsetBytes, sectorSize, integrity }: Geometry): Deed {
  const data = device(dataOf(component));
  const name = `lifeboat-${component.uuid}`;
  const options = [...(sectorSize === 512 ? [] : [`block_size:${sectorSize}`]), 'fix_padding', 'fix_hmac'];
  const table = `${offsetBytes / 512} ${tagBytes[integrity?.type ?? ''] ?? 0} J ${options.length} ${options.join(' ')}`;
  return {
    title: `begin the checksums of ${nameOf(component)}`,
    commands: [
      {
        argv: [
          'dd',
          'if=/dev/zero',
          { device: dataOf(component), before: 'of=' },
          'bs=4096',
          'count=1',
          ...at(offsetBytes),
        ],
      },
      { argv: ['sh', '-euc', 'dmsetup create "$1" --table "0 8 integrity $2 $3"', 'sh', name, data, table] },
      { argv: ['dmsetup', 'remove', '--retry', name] },
    ],
    again: [{ argv: ['dmsetup', 'remove', '--retry', name], okCodes: [0, 1] }],
  };
}

const at = (bytes: number): string[] => [
  `seek=${bytes}`,
  'oflag=seek_bytes',
  'conv=nocreat,notrunc,fsync',
  'status=none',
];

/** With a header of its own, and a key that somebody gives; all else as it was. */
function formatted(component: Luks, geometry: Geometry): Deed {
  const { version, cipher, keyBytes, hash, sectorSize, offsetBytes, metadataBytes, keyslotsBytes, integrity } =
    geometry;
  const pbkdf = geometry.slots[0]?.pbkdf;
  const isSecond = version === 2;
  return {
    title: `encrypt ${nameOf(component)} anew`,
    commands: [
      {
        argv: [
          'cryptsetup',
          'luksFormat',
          '--batch-mode',
          ...option('--type', `luks${version}`),
          ...option('--uuid', component.uuid),
          ...option('--cipher', cipher),
          ...option('--key-size', integrity === undefined && keyBytes !== undefined ? keyBytes * 8 : undefined),
          ...option('--hash', hash),
          ...option('--offset', offsetBytes / 512),
          ...(isSecond
            ? [
                ...option('--label', component.label),
                ...option('--subsystem', component.subsystem),
                ...option('--sector-size', sectorSize),
                ...option('--luks2-metadata-size', metadataBytes),
                ...option('--luks2-keyslots-size', keyslotsBytes),
                ...option('--pbkdf', pbkdf?.type),
                ...(integrity === undefined
                  ? []
                  : [
                      ...option('--integrity', integrity.type.replace(/^hmac\((.*)\)$/, 'hmac-$1')),
                      '--integrity-no-wipe',
                    ]),
              ]
            : []),
          ...option('--key-file', '-'),
          ...(component.header?.on === undefined || component.header.file !== undefined
            ? []
            : ['--header', device(component.header.on)]),
          device(dataOf(component)),
        ],
        stdin: { given: keyOf(component) },
        timeoutMs: 5 * 60_000,
      },
    ],
  };
}
