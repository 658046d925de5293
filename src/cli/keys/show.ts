/** `key show`: what is public of the keys, and on request what is derived from them. */
import { identityText } from '../../age/age.ts';
import { type Derived, derive, deriveSshKey } from '../../keys/derive.ts';
import { readHostKey, signingKeyOf } from '../../keys/host-key.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { configured, openSession } from '../session.ts';
import type { Globals } from '../globals.ts';
import { keyFileOf, neededCode } from './open.ts';

export interface ShowRequest {
  readonly age: boolean;
  readonly restic: boolean;
  /** Of the recovery code, which is asked for, instead of the host key. */
  readonly code: boolean;
}

/** `age` and `restic` are secrets, and only there when asked for. */
export interface ShownKey {
  readonly file?: string;
  readonly host?: string;
  readonly mode?: 'full' | 'write-only';
  readonly createdAt?: string;
  readonly encryption?: 'age' | 'none';
  readonly recipients: readonly string[];
  readonly signingKey: string;
  readonly certifier: string;
  /** When the recovery code was proven by `key check`; `null` when it never was. */
  readonly proven?: string | null;
  readonly replacedCodes?: number;
  readonly age?: string;
  readonly restic?: string;
  /** Of the recovery code: what servers have to know for it to log in. */
  readonly sshKey?: string;
}

/** @throws LifeboatError `unsupported` for a secret that a write-only host does not have */
export async function showKey(request: ShowRequest, globals: Globals): Promise<ShownKey> {
  return request.code ? await showCode(request, globals) : await showHostKey(request, globals);
}

async function showCode(request: ShowRequest, globals: Globals): Promise<ShownKey> {
  await using session = openSession(globals);
  const { secret } = await neededCode(session, 'this');
  const derived = derive(secret);
  const { publicKey } = derived.signing;
  const recipients = [derived.identity.recipient.text];
  const { publicLine: sshKey } = deriveSshKey(secret);
  return { recipients, signingKey: publicKey, certifier: publicKey, sshKey, ...secretsIn(derived, request) };
}

async function showHostKey(request: ShowRequest, globals: Globals): Promise<ShownKey> {
  await using _session = openSession(globals);
  const { config } = await configured(globals);
  const file = keyFileOf(config);
  const key = readHostKey(file);
  if (key.writeOnly && (request.age || request.restic)) {
    throw new LifeboatError('unsupported', 'this host is write-only: it has no key that opens anything', {
      hint: 'The recovery code has: add --code.',
    });
  }
  const recipients = [key.recovery.recipient.text, ...(key.recipient ? [key.recipient.text] : [])];
  return {
    file,
    host: key.host,
    mode: key.writeOnly ? 'write-only' : 'full',
    createdAt: key.createdAt,
    encryption: config.encryption,
    recipients,
    signingKey: signingKeyOf(key).publicKey,
    certifier: key.recovery.certifier,
    proven: key.proven ?? null,
    replacedCodes: key.retired.certifiers.length,
    ...(key.writeOnly ? {} : secretsIn(derive(key.secret), request)),
  };
}

function secretsIn({ identity, restic }: Derived, request: ShowRequest): Pick<ShownKey, 'age' | 'restic'> {
  return {
    ...(request.age ? { age: identityText(identity) } : {}),
    ...(request.restic ? { restic: restic.reveal() } : {}),
  };
}

export function keyText(key: ShownKey): string {
  const [recovery, host] = key.recipients;
  const lines: [string, string | undefined][] = [
    ['host key', key.file],
    ['host', key.host],
    ['mode', key.mode === 'write-only' ? 'write-only: it stores and signs, and opens nothing' : undefined],
    ['made', key.createdAt],
    ['encryption', key.encryption],
    ['recovery code', recovery],
    ['host', host],
    ['signing key', key.signingKey],
    ['certified by', key.certifier],
    ['code proven', key.proven === null ? 'never: run lifeboat key check' : key.proven],
    ['codes before', key.replacedCodes ? String(key.replacedCodes) : undefined],
    ['age identity', key.age],
    ['restic password', key.restic],
    ['ssh key', key.sshKey],
  ];
  return lines.flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(16)}${value}`])).join('\n');
}
