/** The header of an age file: one stanza for each who can open it, and a MAC over all of them. */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { LifeboatError } from '../kernel/errors.ts';
import { hkdf } from './hkdf.ts';
import type { Identity, Recipient } from './keys.ts';
import { ephemeralKey, KEY_LENGTH, privateKeyOf, sharedSecret } from './x25519.ts';

const VERSION = 'age-encryption.org/v1';
const STANZA_INFO = `${VERSION}/X25519`;
const FILE_KEY_LENGTH = 16;
const TAG_LENGTH = 16;
const LINE_LENGTH = 64;
/** Far more than the recipients of a repository need; what is longer is no header. */
export const MAX_HEADER_LENGTH = 64 * 1024;

const zeroNonce = Buffer.alloc(12);

interface Stanza {
  readonly args: readonly string[];
  readonly body: Buffer;
}

export function newFileKey(): Buffer {
  return randomBytes(FILE_KEY_LENGTH);
}

/** The text of a header that gives the file key to these recipients. */
export function makeHeader(fileKey: Uint8Array, recipients: readonly Recipient[]): Buffer {
  if (recipients.length === 0) throw new LifeboatError('bug', 'encryption to nobody');
  const stanzas = recipients.map((recipient) => stanzaText(fileKey, recipient)).join('');
  const signed = `${VERSION}\n${stanzas}---`;
  return Buffer.from(`${signed} ${unpadded(headerMac(fileKey, signed))}\n`);
}

/** Where the header ends, as far as these first bytes show it. */
export function headerEnd(start: Buffer): number | undefined {
  const footer = start.indexOf('\n---');
  if (footer === -1) return undefined;
  const end = start.indexOf('\n', footer + 1);
  return end === -1 ? undefined : end + 1;
}

/**
 * The file key out of a header.
 *
 * @throws LifeboatError `no-key` when no identity fits; `archive-damaged`
 */
export function openHeader(header: Buffer, identities: readonly Identity[]): Buffer {
  const { stanzas, signed, mac } = parseHeader(header);
  const fileKey = findFileKey(stanzas, identities);
  if (fileKey === undefined) {
    const count = identities.length === 0 ? 'there is no key here' : `none of ${identities.length} key(s) here fits`;
    throw new LifeboatError('no-key', `this is encrypted, and ${count}`, {
      hint: 'Give the recovery code, or the host key that was in use when it was written.',
    });
  }
  if (!timingSafeEqual(headerMac(fileKey, signed), mac)) throw damaged('its header was changed');
  return fileKey;
}

function findFileKey(stanzas: readonly Stanza[], identities: readonly Identity[]): Buffer | undefined {
  // Each is looked at, also after one that fits: what is malformed is so for everybody.
  const found = stanzas.flatMap((stanza) => {
    if (stanza.args[0] === 'scrypt' && stanzas.length > 1) throw damaged('a passphrase is not its only key');
    if (stanza.args[0] !== 'X25519') return [];
    const share = fromUnpadded(stanza.args[1] ?? '');
    if (stanza.args.length !== 2 || share?.length !== KEY_LENGTH) throw damaged('a recipient stanza has a wrong share');
    if (stanza.body.length !== FILE_KEY_LENGTH + TAG_LENGTH) throw damaged('a recipient stanza has a wrong length');
    return [{ share, body: stanza.body }];
  });
  const pairs = found.flatMap((stanza, index) => identities.map((identity) => ({ ...stanza, index, identity })));
  const isUsual = ({ identity, index }: { readonly identity: Identity; readonly index: number }) =>
    usualStanza.get(identity) === index;
  for (const { share, body, index, identity } of [
    ...pairs.filter(isUsual),
    ...pairs.filter((pair) => !isUsual(pair)),
  ]) {
    const shared = sharedSecret(privateKeyOf(identity), share);
    if (shared === undefined) throw damaged('a recipient stanza has a share of low order');
    const fileKey = unwrap(body, wrapKey(shared, share, identity.recipient.publicKey));
    if (fileKey === undefined) continue;
    usualStanza.set(identity, index);
    return fileKey;
  }
  return undefined;
}

/** Which stanza an identity opened last. Thousands of records have theirs in one order, and a wrong one costs as much as the right one. */
const usualStanza = new WeakMap<Identity, number>();

function stanzaText(fileKey: Uint8Array, { publicKey, text }: Recipient): string {
  const { key, share } = ephemeralKey();
  const shared = sharedSecret(key, publicKey);
  if (shared === undefined) throw new LifeboatError('usage', `the recipient ${text} is no usable key`);
  const cipher = createCipheriv('chacha20-poly1305', wrapKey(shared, share, publicKey), zeroNonce, {
    authTagLength: TAG_LENGTH,
  });
  const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
  return `-> X25519 ${unpadded(share)}\n${unpadded(body)}\n`;
}

function wrapKey(shared: Uint8Array, share: Uint8Array, publicKey: Uint8Array): KeyObject {
  return hkdf(shared, Buffer.concat([share, publicKey]), STANZA_INFO);
}

function unwrap(body: Buffer, key: KeyObject): Buffer | undefined {
  const decipher = createDecipheriv('chacha20-poly1305', key, zeroNonce, { authTagLength: TAG_LENGTH });
  decipher.setAuthTag(body.subarray(FILE_KEY_LENGTH));
  const fileKey = decipher.update(body.subarray(0, FILE_KEY_LENGTH));
  try {
    decipher.final();
    return fileKey;
  } catch {
    return undefined;
  }
}

function headerMac(fileKey: Uint8Array, signed: string): Buffer {
  return createHmac('sha256', hkdf(fileKey, '', 'header'))
    .update(signed, 'latin1')
    .digest();
}

interface Parsed {
  readonly stanzas: readonly Stanza[];
  /** What the MAC is over: everything to the three dashes. */
  readonly signed: string;
  readonly mac: Buffer;
}

function parseHeader(header: Buffer): Parsed {
  const text = header.toString('latin1');
  const lines = text.split('\n');
  if (lines[0] !== VERSION) throw damaged('it does not begin as an age file does');
  // A header ends in a newline, so that the last piece is empty and the one before it the footer.
  const footer = /^--- ([A-Za-z0-9+/]{43})$/.exec(lines.at(-2) ?? '')?.[1];
  const mac = fromUnpadded(footer ?? '');
  if (mac?.length !== 32) throw damaged('the last line of its header is wrong');
  return {
    stanzas: parseStanzas(lines.slice(1, -2)),
    signed: text.slice(0, text.lastIndexOf('\n---') + 4),
    mac,
  };
}

function parseStanzas(lines: readonly string[]): Stanza[] {
  const stanzas: Stanza[] = [];
  for (let at = 0; at < lines.length; ) {
    if (!/^->( [!-~]+)+$/.test(lines[at] ?? '')) throw damaged('a stanza of its header does not begin as one');
    const args = (lines[at] ?? '').split(' ').slice(1);
    let encoded = '';
    // The body ends with a line that is not full, which may be empty.
    for (let full = true; full; ) {
      at += 1;
      const line = lines[at];
      if (line === undefined || line.length > LINE_LENGTH) throw damaged('a stanza of its header does not end');
      encoded += line;
      full = line.length === LINE_LENGTH;
    }
    const body = fromUnpadded(encoded);
    if (body === undefined) throw damaged('a stanza of its header is not base64');
    stanzas.push({ args, body });
    at += 1;
  }
  if (stanzas.length === 0) throw damaged('its header names nobody who can open it');
  return stanzas;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

/** Only what {@link unpadded} would have written. */
function fromUnpadded(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return unpadded(bytes) === text ? bytes : undefined;
}

export function damaged(why: string, cause?: unknown): LifeboatError {
  return new LifeboatError('archive-damaged', `the encrypted data is damaged: ${why}`, { cause });
}
