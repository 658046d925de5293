/** The keys that a configuration names and a person gives, as the keyring of a repository. */
import type { Config } from '../config/schema.ts';
import { LifeboatError } from '../kernel/errors.ts';
import type { SecretSource } from '../kernel/secret.ts';
import { derive, deriveSshKey } from '../keys/derive.ts';
import { type HostKey, readHostKey } from '../keys/host-key.ts';
import { type KeyRecord, openKeyRecord } from '../keys/key-record.ts';
import { type Keyring, noKeys } from '../keys/keyring.ts';
import { parseRecoveryCode, type RecoveryCode } from '../keys/recovery-code.ts';
import { noneRetired, withRetired } from '../keys/retired.ts';
import { keyringOf, keyringOfHostKey, keyringOfRecoveryCode } from '../keys/ring.ts';
import { getBytes, type Target } from '../target/target.ts';
import type { CleanupContext } from '../workflow/step.ts';
import { isUnusable, keyRecordKeys, MAX_KEY_RECORD_BYTES } from './key-records.ts';

/** The name under which a {@link SecretSource} has the recovery code. */
export const RECOVERY_CODE = 'recovery-code';

/** What is at hand: the host's key, a recovery code, both, or nothing. */
export interface KeysAtHand {
  readonly hostKey?: HostKey;
  readonly code?: RecoveryCode;
}

/**
 * Reads the host key that the configuration names, and the recovery code if somebody gave one.
 *
 * @throws LifeboatError `usage` for a mistyped code; what {@link readHostKey} throws, unless a code stands in for the key
 */
export function keysAtHand(
  { key }: Pick<Config, 'key'>,
  { say, secrets }: { readonly say: CleanupContext['say']; readonly secrets: SecretSource },
): KeysAtHand {
  const typed = secrets.get(RECOVERY_CODE);
  const given = typed === undefined ? {} : { code: parseRecoveryCode(typed.reveal()) };
  if (key === undefined) return given;
  try {
    return { hostKey: readHostKey(key), ...given };
  } catch (error) {
    if (!(error instanceof LifeboatError) || error.code === 'untrusted') throw error;
    if (given.code === undefined) throw withoutKey(error);
    say({ type: 'note', text: `the recovery code stands in for the host key: ${error.message}` });
    return given;
  }
}

function withoutKey(error: LifeboatError): LifeboatError {
  const either = 'Give the recovery code instead (LIFEBOAT_RECOVERY_CODE), or put the key file back.';
  return new LifeboatError(error.code, `the host key cannot be used: ${error.message}`, {
    hint: error.code === 'permission-denied' ? `Run as root. ${either}` : either,
    cause: error,
  });
}

/** These secrets, and the key by which the recovery code logs in to a server. */
export function withRecoveryLogin(secrets: SecretSource, { code }: KeysAtHand): SecretSource {
  if (code === undefined) return secrets;
  const login = deriveSshKey(code.secret).privateText;
  return { get: (name) => (name === 'ssh-recovery-key' ? login : secrets.get(name)) };
}

/** What they open and vouch for in this repository, and to whom is sealed. */
export async function openKeyring(
  { hostKey, code }: KeysAtHand,
  config: Pick<Config, 'host' | 'encryption'>,
  target: Target,
  say: CleanupContext['say'],
  signal: AbortSignal,
): Promise<Keyring> {
  const rings: Keyring[] = hostKey === undefined ? [] : [keyringOfHostKey(hostKey)];
  if (code !== undefined) {
    const host = config.host ?? hostKey?.host;
    const { records } = host === undefined ? { records: [] } : await readKeyRecords(target, host, code, say, signal);
    const retired = records.map((record) => record.retired).reduce(withRetired, noneRetired);
    rings.push(keyringOfRecoveryCode(code, retired, records.at(-1)?.recipients));
  }
  const keyring = rings.length === 0 ? noKeys : rings.reduce(keyringOf);
  return config.encryption === 'none' ? { ...keyring, recipients: [] } : keyring;
}

export interface FoundKeyRecords {
  /** Those of this code, oldest first. */
  readonly records: readonly KeyRecord[];
  /** How many are sealed to others, as after a rotation. */
  readonly sealedToOthers: number;
}

/** What the repository keeps for a code; a record that cannot be used is told and left out. */
export async function readKeyRecords(
  target: Target,
  host: string,
  code: RecoveryCode,
  say: CleanupContext['say'],
  signal: AbortSignal,
): Promise<FoundKeyRecords> {
  const { identity, signing } = derive(code.secret);
  const reader = { host, identities: [identity], certifiers: [signing.publicKey] };
  const records: KeyRecord[] = [];
  let sealedToOthers = 0;
  for (const key of await keyRecordKeys(target, host, signal)) {
    try {
      records.push(openKeyRecord(await getBytes(target, key, MAX_KEY_RECORD_BYTES, signal), reader, key));
    } catch (error) {
      if (!(error instanceof LifeboatError)) throw error;
      if (error.code === 'no-key') sealedToOthers += 1;
      // Signed by an older code, whose place the later one took.
      else if (isUnusable(error)) say({ type: 'note', text: error.message });
      else throw error;
    }
  }
  return { records: records.toSorted((a, b) => (a.at < b.at ? -1 : 1)), sealedToOthers };
}

/** All that the repository keeps for a host, sealed to whomever. */
export async function keyRecordsOf(target: Target, host: string, signal: AbortSignal): Promise<Buffer[]> {
  const records = [];
  for (const key of await keyRecordKeys(target, host, signal))
    records.push(await getBytes(target, key, MAX_KEY_RECORD_BYTES, signal));
  return records;
}

/** Whether somebody made keys for a host of this name before. */
export async function hasKeyRecords(target: Target, host: string, signal: AbortSignal): Promise<boolean> {
  return (await keyRecordKeys(target, host, signal)).length > 0;
}
