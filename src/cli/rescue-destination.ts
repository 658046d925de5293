/** Where a rescue medium is to go, out of what was typed; on a stick nothing is lost that nobody agreed to. */
import { resolve } from 'node:path';
import { LifeboatError } from '../kernel/errors.ts';
import { parseBytes } from '../kernel/units.ts';
import { captureLayout } from '../layout/capture.ts';
import { parseLayout } from '../layout/types.ts';
import { checkOutput, type Destination, placeOf, systemAt } from '../media/deliver.ts';
import type { FormatOptions } from '../media/formats/format.ts';
import { formatNamed } from '../media/formats/formats.ts';
import { removeGrubEntry } from '../media/grub-entry.ts';
import { type Stick, stickNamed } from '../media/stick.ts';
import { agree, consentDigest, type Destruction, destructionText } from '../steps/consent.ts';
import { printResult } from './output.ts';
import type { EmbeddingOptions } from './rescue-files.ts';
import type { Session } from './session.ts';

export interface DestinationOptions {
  readonly format: string;
  readonly output?: string;
  readonly device?: string;
  readonly root?: string;
  readonly loader?: string;
  readonly room?: string;
  readonly address?: string;
}

/** Which formats take which options, besides `--output`. */
const takes: Readonly<Record<string, readonly string[]>> = {
  device: ['usb'],
  root: ['grub'],
  loader: ['usb', 'raw'],
  room: ['usb'],
  address: ['pxe'],
};

/**
 * @throws LifeboatError `usage`; as {@link stickNamed} does
 */
export async function destinationOf(
  options: DestinationOptions & Partial<EmbeddingOptions>,
  { host, signal }: Pick<Session, 'host' | 'signal'>,
): Promise<Destination> {
  const format = formatNamed(options.format);
  for (const [name, formats] of Object.entries(takes)) {
    if (!Object.hasOwn(options, name) || formats.includes(format.name)) continue;
    throw new LifeboatError('usage', `--${name} does not go with the format ${format.name}`, {
      hint: `It is for: ${formats.join(', ')}.`,
    });
  }
  if (format.isPublic === true && (options.keepHostKeys || options.embedCredentials || options.rootPassword)) {
    throw new LifeboatError('usage', `no secret goes onto a medium of the format ${format.name}`, {
      hint: 'Whoever reaches the server can read it. Take another format, or type what is secret when it is needed.',
    });
  }
  const { output, device, room, root = '/' } = options;
  if (format.name === 'grub') {
    if (output !== undefined) throw new LifeboatError('usage', 'an entry of GRUB is below --root, not at --output');
    return { kind: 'grub', root: resolve(root), format };
  }
  if ((output === undefined) === (device === undefined)) {
    throw new LifeboatError('usage', 'where to write it to: give --output PATH, or --device ID for a stick');
  }
  if (device !== undefined) {
    if (room !== undefined) throw new LifeboatError('usage', '--room is for images: on a stick all is used');
    return {
      kind: 'stick',
      stick: await stickNamed(parseLayout(await captureLayout(host, new Date(), signal)), device, host, signal),
    };
  }
  const path = resolve(output ?? '');
  await checkOutput(path, format);
  return { kind: 'path', path, format };
}

export function formatOptions({ loader, room, address }: DestinationOptions): FormatOptions {
  if (loader !== undefined && loader !== 'grub' && loader !== 'extlinux') {
    throw new LifeboatError('usage', `no loader ${loader}`, { hint: 'There are: grub, extlinux.' });
  }
  if (address !== undefined && !/^http:\/\/[^/]/.test(address)) {
    throw new LifeboatError('usage', `${address} is no address of an HTTP server`, {
      hint: 'Such as http://192.0.2.1/rescue: firmware and loaders seldom take https.',
    });
  }
  return {
    ...(loader === undefined ? {} : { loader }),
    ...(room === undefined ? {} : { room: parseBytes(room) }),
    ...(address === undefined ? {} : { address }),
  };
}

/** Says what would be lost, and changes nothing. */
export async function stickDryRun(options: DestinationOptions, session: Session): Promise<void> {
  const to = await destinationOf(options, session);
  const destruction = to.kind === 'stick' ? stickDestruction(to.stick) : nothing;
  const digest = consentDigest(destruction.identity);
  const document = { place: placeOf(to), losses: destruction.items, digest };
  printResult(session.globals.json, document, () => `${placeOf(to)}\n${destructionText(destruction)}`);
}

const nothing: Destruction = { deed: 'make a rescue medium', verb: 'erased', items: [], identity: null };

function stickDestruction({ disk, losses }: Stick): Destruction {
  return {
    deed: `make a rescue stick of ${disk.id}`,
    verb: 'erased',
    items: losses,
    identity: { deed: 'rescue stick', disk: disk.id, losses: losses.map(({ name, state }) => ({ name, state })) },
  };
}

/** @throws LifeboatError `refused` as {@link agree} does */
export async function agreeTo(to: Destination, { globals, context, signal }: Session): Promise<void> {
  if (to.kind === 'stick') await agree(stickDestruction(to.stick), { yes: globals.yes, ask: context.ask }, signal);
}

/** Takes the entry of GRUB away, with its files. */
export async function removeEntry({ format, root = '/' }: DestinationOptions, session: Session): Promise<void> {
  if (format !== 'grub') throw new LifeboatError('usage', `--remove does not go with the format ${format}`);
  const { globals, host, signal } = session;
  const removed = await removeGrubEntry(systemAt(host, resolve(root)), signal);
  printResult(globals.json, { removed }, () => (removed ? 'The entry is removed.' : 'There was no entry.'));
}
