/** `key rotate`: another recovery code, or another host key. What was stored before can be read as before. */
import type { Config } from '../../config/schema.ts';
import { derive } from '../../keys/derive.ts';
import {
  type HostKey,
  identitiesOf,
  neededByCode,
  newHostKey,
  readHostKey,
  recertified,
  signingKeyOf,
  writeHostKey,
} from '../../keys/host-key.ts';
import { sealKeyRecord } from '../../keys/key-record.ts';
import { newRecoveryCode, type RecoveryCode } from '../../keys/recovery-code.ts';
import { noneRetired, type Retired, withRetired } from '../../keys/retired.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { putKeyRecord, readKeyRecords } from '../../steps/keys.ts';
import { openConfigured, type OpenRepository } from '../../steps/repository.ts';
import type { Globals } from '../globals.ts';
import { type RecoverySheet, recoverySheet } from '../recovery-sheet.ts';
import { hostNameOf } from '../requests.ts';
import { configured, openSession, type Session } from '../session.ts';
import { checkIsInForce, keyFileOf, neededCode } from './open.ts';

export interface Rotation {
  readonly key: string;
  readonly host: string;
  readonly writeOnly: boolean;
  readonly rotated: 'recovery-code' | 'host-key';
  /** Everything was checked, and nothing done. */
  readonly dryRun: boolean;
  /** Of the new code: holds secrets. */
  readonly recovery?: RecoverySheet;
}

/**
 * The repository is told first: the other way round, a host could seal to a code that the repository knows nothing of.
 *
 * @throws LifeboatError `no-key` when the code that was given as proof is not the one in force
 */
export async function rotate(hostKey: boolean, globals: Globals): Promise<Rotation> {
  const { config } = await configured(globals);
  const file = keyFileOf(config);
  await using session = openSession(globals);
  return hostKey ? await rotateHostKey(file, config, session) : await rotateCode(file, config, session);
}

async function rotateCode(file: string, config: Config, session: Session): Promise<Rotation> {
  const { signal, opening } = session;
  const { dryRun } = session.globals;
  const old = readHostKey(file);
  // Its key file proves a host that can open everything; one that is write-only proves nothing by it.
  const proof = old.writeOnly ? await neededCode(session, 'a write-only host') : undefined;
  if (proof !== undefined) checkMayRotate(proof, old);
  await using repository = await openConfigured(config, opening, signal);
  if (dryRun) return { key: file, host: old.host, writeOnly: old.writeOnly, rotated: 'recovery-code', dryRun };
  const code = newRecoveryCode();
  const retired = withRetired(old.retired, { ...noneRetired, certifiers: [old.recovery.certifier] });
  const key = recertified(old, code, retired);
  const needed = proof ? withRetired(retired, await openedBy(proof, old.host, repository, session)) : neededByCode(key);
  await store(repository, key, code, needed, signal);
  await writeHostKey(file, key);
  return {
    key: file,
    host: key.host,
    writeOnly: key.writeOnly,
    rotated: 'recovery-code',
    dryRun,
    recovery: recoverySheet(code, config.repository, key.host),
  };
}

/** An older code will do while the one in force was never proven: it may never have reached paper. */
function checkMayRotate(code: RecoveryCode, key: HostKey): void {
  const { publicKey } = derive(code.secret).signing;
  if (key.proven === undefined && key.retired.certifiers.includes(publicKey)) return;
  checkIsInForce(code, key);
}

/** All that a code opens: it, and what it was handed when it replaced another. */
async function openedBy(
  code: RecoveryCode,
  host: string,
  { target }: OpenRepository,
  { opening, signal }: Session,
): Promise<Retired> {
  const { records } = await readKeyRecords(target, host, code, opening.say, signal);
  return records.map(({ retired }) => retired).reduce(withRetired, openedByCode(code));
}

async function rotateHostKey(file: string, config: Config, session: Session): Promise<Rotation> {
  const { signal, opening } = session;
  const { dryRun } = session.globals;
  const code = await neededCode(session, 'a new host key, which the recovery code certifies,');
  const old = oldHostKey(file);
  if (old !== undefined) checkIsInForce(code, old);
  const host = await hostNameOf(config, session.host, signal);
  const { key: _without, ...rest } = config;
  await using repository = await openConfigured({ ...rest, host }, opening, signal);
  const { records } = await readKeyRecords(repository.target, host, code, opening.say, signal);
  if (old === undefined && records.length === 0) {
    throw new LifeboatError('no-key', `this recovery code opens nothing of ${host} at ${repository.target.url}`, {
      hint: 'Take the sheet with the name of this host, or write that name into the configuration ("host:").',
    });
  }
  const before = old ? retiredOf(old) : records.map(({ retired }) => retired).reduce(withRetired, openedByCode(code));
  const writeOnly = old?.writeOnly ?? false;
  const done: Rotation = { key: file, host, writeOnly, rotated: 'host-key', dryRun };
  if (dryRun) return done;
  const now = new Date();
  const key = { ...newHostKey(host, code, { writeOnly, retired: before }, now), proven: now.toISOString() };
  await store(repository, key, code, neededByCode(key), signal);
  await writeHostKey(file, key);
  return done;
}

/** In place of a key that was lost, so that the new one opens what was sealed to the two. */
function openedByCode(code: RecoveryCode): Retired {
  return { ...noneRetired, identities: [derive(code.secret).identity] };
}

function retiredOf(key: HostKey): Retired {
  const { publicKey } = signingKeyOf(key);
  return withRetired(key.retired, { ...noneRetired, identities: identitiesOf(key), signers: [publicKey] });
}

function oldHostKey(file: string): HostKey | undefined {
  try {
    return readHostKey(file);
  } catch (error) {
    if (error instanceof LifeboatError && (error.code === 'not-found' || error.code === 'record-damaged'))
      return undefined;
    throw error;
  }
}

async function store(
  { target }: OpenRepository,
  key: HostKey,
  code: RecoveryCode,
  needed: Retired,
  signal: AbortSignal,
): Promise<void> {
  await putKeyRecord(target, key.host, sealKeyRecord(key, code, needed, new Date()), signal);
}
