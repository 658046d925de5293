/** `key escrow`: keeps the key of an encrypted volume with the points to come, so that nobody has to type a passphrase when the host is recovered. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readHostKey } from '../../keys/host-key.ts';
import { keyringOfHostKey } from '../../keys/ring.ts';
import { explaining, LifeboatError } from '../../kernel/errors.ts';
import { volumeKeyOf } from '../../layout/luks-volume-key.ts';
import { dropVolumeKey, keepVolumeKey } from '../../point/volume-keys.ts';
import { askHidden } from '../ask-secret.ts';
import type { Globals } from '../globals.ts';
import { configured, openSession, type Session } from '../session.ts';
import { keyFileOf } from './open.ts';

export interface EscrowRequest {
  readonly uuid: string;
  /** With a passphrase or key that opens it. */
  readonly key?: string;
  /** A file or device with its header, where that lies apart. */
  readonly header?: string;
  readonly remove: boolean;
}

export interface Escrowed {
  readonly uuid: string;
  readonly kept: boolean;
}

/** @throws LifeboatError `not-found` for a volume that is not there; `usage` for a passphrase that does not open it; `refused` without encryption */
export async function escrowVolumeKey(request: EscrowRequest, globals: Globals): Promise<Escrowed> {
  const { config } = await configured(globals);
  await using session = openSession(globals);
  const { host, signal, context } = session;
  const uuid = request.uuid.toLowerCase();
  if (!/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(uuid)) {
    throw new LifeboatError('usage', `not the UUID of a volume: ${request.uuid}`, {
      hint: 'lifeboat layout show host names it.',
    });
  }
  if (request.remove) {
    if (await dropVolumeKey(context.stateDir, uuid)) return { uuid, kept: false };
    throw new LifeboatError('not-found', `no key of ${uuid} is kept`);
  }
  const recipients = config.encryption === 'none' ? [] : keyringOfHostKey(readHostKey(keyFileOf(config))).recipients;
  const device = request.header === undefined ? await deviceOf(uuid, session) : resolve(request.header);
  const own = (await host.run(['cryptsetup', 'luksUUID', device], { timeoutMs: 60_000 }, signal)).stdout
    .toString()
    .trim();
  if (own !== uuid) throw new LifeboatError('usage', `${device} has the header of ${own}, not of ${uuid}`);
  const passphrase = await passphraseOf(uuid, request, session);
  await keepVolumeKey(context.stateDir, uuid, await volumeKeyOf(host, device, passphrase, signal), recipients);
  return { uuid, kept: true };
}

async function deviceOf(uuid: string, { host, signal }: Session): Promise<string> {
  const argv = ['blkid', '--match-token', `UUID=${uuid}`, '--output', 'device'] as const;
  const { stdout } = await host.run(argv, { okCodes: [0, 2], timeoutMs: 60_000 }, signal);
  const [device, ...others] = stdout.toString().trim().split('\n');
  if (device !== undefined && device !== '' && others.length === 0) return device;
  throw new LifeboatError('not-found', `there is no one encrypted volume ${uuid} on this host`, {
    hint: 'Where its header lies apart: --header FILE.',
  });
}

async function passphraseOf(
  uuid: string,
  { key }: EscrowRequest,
  { globals, context, signal }: Session,
): Promise<Uint8Array> {
  if (key !== undefined) return await explaining(`read ${key}`, async () => await readFile(key));
  const given = context.secrets.get(`luks-${uuid}`);
  if (given !== undefined) return Buffer.from(given.reveal());
  if (globals.json || !process.stdin.isTTY) {
    throw new LifeboatError('usage', `nobody gave a passphrase of ${uuid}`, {
      hint: `Type it at a terminal, or give --key FILE, or the secret luks-${uuid}.`,
    });
  }
  const typed = await askHidden(`Passphrase of the encrypted volume ${uuid} (it is not shown): `, signal);
  return Buffer.from(typed.reveal());
}

export function escrowText({ uuid, kept }: Escrowed): string {
  return kept
    ? `The key of ${uuid} goes into each point from the next backup on, sealed: whoever has the recovery code opens the volume by it, whatever passphrases it has by then.
It is another one after the volume was encrypted anew: then give this command again.`
    : `The key of ${uuid} goes into no point from now on. Points that have it keep it.`;
}
