/** `key rotate`: another recovery code, or another host key. What was stored before can be read as before. */
import type { Config } from '../../config/schema.ts';
import { derive } from '../../keys/derive.ts';
import { type HostKey, newHostKey, readHostKey, replacedNow, writeHostKey } from '../../keys/host-key.ts';
import { sealKeyRecord } from '../../keys/key-record.ts';
import { newRecoveryCode, type RecoveryCode } from '../../keys/recovery-code.ts';
import { noneRetired, type Retired, retiredNow, withRetired } from '../../keys/retired.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { type KeyRecordPlace, putBackKeyRecord, putKeyRecord } from '../../steps/key-records.ts';
import { readKeyRecords } from '../../steps/keys.ts';
import { lockForCommand } from '../../steps/prepare.ts';
import { openConfigured, type OpenRepository } from '../../steps/repository.ts';
import type { Globals } from '../globals.ts';
import { type RecoverySheet, recoverySheet } from '../recovery-sheet.ts';
import { hostNameOf } from '../requests.ts';
import { configured, openSession, type Session } from '../session.ts';
import { checkIsInForce, keyFileOf, lockHostKey, neededCode } from './open.ts';

export interface RotateRequest {
  /** A new key for the host, and the same code. */
  readonly hostKey: boolean;
  /** The new key opens nothing, also where the one before did. */
  readonly writeOnly: boolean;
}

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
export async function rotate(request: RotateRequest, globals: Globals): Promise<Rotation> {
  const { config } = await configured(globals);
  const file = keyFileOf(config);
  if (request.writeOnly && !request.hostKey) {
    throw new LifeboatError('usage', '--write-only is about the key of this host', {
      hint: 'Give --host-key with it.',
    });
  }
  await using session = openSession(globals);
  await using _lock = await lockHostKey(file);
  return request.hostKey
    ? await rotateHostKey(file, request, config, session)
    : await rotateCode(file, config, session);
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
  // No run may be under way: what it signs with the old key after the rotation would not be believed.
  await using _lock = await lockForCommand(repository.target, session.host, old.host, 'key rotate', signal);
  await putBackKeyRecord(placeIn(repository, old.host, session), signal);
  const code = newRecoveryCode();
  const now = new Date();
  const replaced = retiredNow({ certifiers: [old.recovery.certifier] }, now);
  // The host's key as well: the older code was handed what opens all that is sealed to that.
  const retired = withRetired(replacedNow(old, now), replaced);
  const key = newHostKey(old.host, code, { writeOnly: old.writeOnly, retired }, now);
  const older = proof ? await openedBy(proof, old.host, repository, session) : noneRetired;
  await store(repository, key, code, older, session);
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
  return records
    .map(({ retired }) => retired)
    .reduce(withRetired, { ...noneRetired, identities: [derive(code.secret).identity] });
}

async function rotateHostKey(
  file: string,
  request: RotateRequest,
  config: Config,
  session: Session,
): Promise<Rotation> {
  const { signal, opening } = session;
  const { dryRun } = session.globals;
  const code = await neededCode(session, 'a new host key, which the recovery code certifies,');
  const old = oldHostKey(file);
  if (old !== undefined) checkIsInForce(code, old);
  const host = await hostNameOf(config, session.host, signal);
  const { key: _without, ...rest } = config;
  await using repository = await openConfigured({ ...rest, host }, opening, signal);
  await using _lock = dryRun
    ? undefined
    : await lockForCommand(repository.target, session.host, host, 'key rotate', signal);
  if (!dryRun) await putBackKeyRecord(placeIn(repository, host, session), signal);
  const { records } = await readKeyRecords(repository.target, host, code, opening.say, signal);
  if (old === undefined && records.length === 0) {
    throw new LifeboatError('no-key', `this recovery code opens nothing of ${host} at ${repository.target.url}`, {
      hint: 'Take the sheet with the name of this host, or write that name into the configuration ("host:").',
    });
  }
  const now = new Date();
  const known = records.map(({ retired }) => retired).reduce(withRetired, noneRetired);
  const signers = records.flatMap(({ signer }) => signer ?? []);
  const before = old ? replacedNow(old, now) : withRetired(known, retiredNow({ signers }, now));
  // A host that could read nothing has no second key to seal to.
  const writeOnly = request.writeOnly || (old?.writeOnly ?? records.at(-1)?.recipients.length === 1);
  const done: Rotation = { key: file, host, writeOnly, rotated: 'host-key', dryRun };
  if (dryRun) return done;
  const key = { ...newHostKey(host, code, { writeOnly, retired: before }, now), proven: now.toISOString() };
  await store(repository, key, code, known, session);
  await writeHostKey(file, key);
  return done;
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
  repository: OpenRepository,
  key: HostKey,
  code: RecoveryCode,
  older: Retired,
  session: Session,
): Promise<void> {
  const sealed = sealKeyRecord(key, code, older, new Date());
  await putKeyRecord(placeIn(repository, key.host, session), sealed, session.signal);
}

function placeIn({ target, id }: OpenRepository, host: string, { context: { stateDir } }: Session): KeyRecordPlace {
  return { target, id, stateDir, host };
}
