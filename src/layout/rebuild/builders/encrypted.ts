/** LUKS: its header as it was kept with the point, which brings slots and tokens back; then it is opened with a key that it knows. */
import type { ComponentOf } from '../../types.ts';
import { type Builder, device, only } from '../builder.ts';

type Luks = ComponentOf<'luks'>;

/** By this name an executor is asked for the header that was kept. */
const headerOf = ({ uuid }: Luks): string => `luks-header:${uuid}`;
/** And for a passphrase, or what is in a key file, that opens it. */
const keyOf = ({ uuid }: Luks): string => `luks-key:${uuid}`;

const nameOf = ({ name, crypttab, uuid }: Luks): string => name ?? crypttab?.name ?? `luks-${uuid}`;

export const luksBuilder: Builder<Luks> = {
  problem({ uuid, geometry, header, on }) {
    if (uuid === undefined || geometry === undefined) return 'its header could not be read when it was captured';
    if (header !== undefined || on.length !== 1) return 'its header lay apart from its data';
    return geometry.requirements.length === 0 ? undefined : `it was being changed: ${geometry.requirements.join(', ')}`;
  },
  path: (component) => `/dev/mapper/${nameOf(component)}`,
  release: ({ open, name }) =>
    open && name !== undefined ? [{ argv: ['cryptsetup', 'close', name], okCodes: [0, 4] }] : [],
  // crypttab is a file.
  compared({ crypttab: _, ...rest }) {
    return rest;
  },
  create(component) {
    const disk = only(component);
    const name = nameOf(component);
    return [
      {
        title: `put the LUKS header of ${name} back`,
        commands: [
          {
            argv: ['dd', { device: disk, before: 'of=' }, 'bs=1M', 'conv=notrunc,fsync', 'status=none'],
            stdin: { given: headerOf(component) },
          },
        ],
      },
      {
        title: `open ${name}`,
        commands: [
          {
            argv: ['cryptsetup', 'open', '--type', 'luks', '--key-file', '-', device(disk), name],
            stdin: { given: keyOf(component) },
            timeoutMs: 5 * 60_000,
          },
        ],
        again: [{ argv: ['cryptsetup', 'close', name], okCodes: [0, 4] }],
      },
    ];
  },
};
