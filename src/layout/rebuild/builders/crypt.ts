/** Encryption without a header: nothing is made, it is opened with the key and all settings that it had. */
import type { ComponentOf } from '../../types.ts';
import { type Builder, device, only, option } from '../builder.ts';
import { blankedEnds } from './blanked.ts';

type Crypt = ComponentOf<'crypt'>;

const isKeyFile = ({ crypttab }: Crypt): boolean => crypttab?.key?.startsWith('/') === true;
const optionOf = ({ crypttab }: Crypt, name: string): string | undefined =>
  new RegExp(`(?:^|,)${name}=([^,]*)`).exec(crypttab?.options ?? '')?.[1];

export const cryptBuilder: Builder<Crypt> = {
  omitted({ crypttab, open }) {
    const isRandom = /^\/dev\/u?random$/.test(crypttab?.key ?? '') || /(^|,)(swap|tmp)\b/.test(crypttab?.options ?? '');
    if (isRandom) return 'as it is made anew at every start';
    return open ? undefined : 'as it was closed, and nothing of it is on its disk but what it held';
  },
  problem(volume) {
    if (volume.on.length !== 1) return 'the device with its data was not there';
    if (volume.geometry === undefined) return 'the kernel did not tell how it was opened when it was captured';
    // A passphrase becomes a key by a hash, of which the kernel knows nothing.
    return isKeyFile(volume) || optionOf(volume, 'hash') !== undefined
      ? undefined
      : 'crypttab does not say by which hash its passphrase becomes a key';
  },
  path: ({ name }) => `/dev/mapper/${name}`,
  release: ({ open, name }) => (open ? [{ argv: ['cryptsetup', 'close', name], okCodes: [0, 4] }] : []),
  // crypttab is a file.
  compared(component) {
    const { crypttab: _, ...rest } = component;
    return rest;
  },
  create(volume) {
    const { name, geometry } = volume;
    if (geometry === undefined) return [];
    const { cipher, keyBytes, sectorSize, offsetBytes, ivOffset, flags } = geometry;
    const hash = isKeyFile(volume) ? 'plain' : optionOf(volume, 'hash');
    return [
      {
        title: `open ${name}, which has no header`,
        commands: [
          blankedEnds(device(only(volume)), offsetBytes),
          {
            argv: [
              'cryptsetup',
              'open',
              ...option('--type', 'plain'),
              ...option('--cipher', cipher),
              ...option('--key-size', keyBytes * 8),
              ...option('--hash', hash),
              ...option('--offset', offsetBytes / 512),
              ...option('--skip', ivOffset),
              ...(sectorSize === 512 ? [] : option('--sector-size', sectorSize)),
              ...flags.flatMap((flag) => openOptions[flag] ?? []),
              ...option('--key-file', '-'),
              ...(isKeyFile(volume) ? option('--keyfile-size', keyBytes) : []),
              device(only(volume)),
              name,
            ],
            stdin: { given: `crypt-key:${name}` },
          },
        ],
        again: [{ argv: ['cryptsetup', 'close', name], okCodes: [0, 4] }],
      },
    ];
  },
};

const openOptions: Readonly<Record<string, string>> = {
  allow_discards: '--allow-discards',
  same_cpu_crypt: '--perf-same_cpu_crypt',
  submit_from_crypt_cpus: '--perf-submit_from_crypt_cpus',
  no_read_workqueue: '--perf-no_read_workqueue',
  no_write_workqueue: '--perf-no_write_workqueue',
};
