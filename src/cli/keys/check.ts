/** `key check`: proves that what a person noted opens the repository. */
import { isCertified } from '../../keys/certificate.ts';
import { derive } from '../../keys/derive.ts';
import { type HostKey, signingKeyOf, writeHostKey } from '../../keys/host-key.ts';
import { sealKeyRecord } from '../../keys/key-record.ts';
import { noneRetired } from '../../keys/retired.ts';
import { formatRecoveryCode, type RecoveryCode } from '../../keys/recovery-code.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { Secret, type SecretSource } from '../../kernel/secret.ts';
import { findPoint } from '../../point/find.ts';
import { nameIn } from '../../point/names.ts';
import { listFolder } from '../../point/record-objects.ts';
import { putBackKeyRecord, putKeyRecord } from '../../steps/key-records.ts';
import { keysAtHand, readKeyRecords, RECOVERY_CODE } from '../../steps/keys.ts';
import { openConfigured, type OpenRepository } from '../../steps/repository.ts';
import { hostNameOf } from '../requests.ts';
import { configured, openSession, type Session } from '../session.ts';
import type { Globals } from '../globals.ts';
import { checkIsInForce, lockHostKey, neededCode } from './open.ts';

export interface KeyCheck {
  readonly host: string;
  readonly repository: string;
  /** `made`: the repository had none of this code, as a new one has; `missing`: the same, in a dry run. */
  readonly keyRecord: 'opened' | 'made' | 'missing';
  /** Key records that only other codes open: of codes before or after this one. */
  readonly otherKeyRecords: number;
  /** The newest point, whose record was opened; absent where there is none. */
  readonly point?: string;
  /** Written into the host key; absent on a machine that has none. */
  readonly proven?: string;
}

/**
 * @param given the code; without it, it is asked for
 * @throws LifeboatError `usage` for a code that is mistyped; `no-key` for one that does not open this repository;
 *   `untrusted` when the host key is not certified by it
 */
export async function checkCode(globals: Globals, given?: RecoveryCode): Promise<KeyCheck> {
  const { config } = await configured(globals);
  await using session = openSession(globals);
  const { signal } = session;
  const code = given ?? (await neededCode(session, 'this check'));
  const secrets: SecretSource = {
    get: (name) => (name === RECOVERY_CODE ? new Secret(formatRecoveryCode(code)) : session.opening.secrets.get(name)),
  };
  const opening = { say: session.opening.say, secrets };
  await using _lock = config.key === undefined || globals.dryRun ? undefined : await lockHostKey(config.key);
  const { hostKey } = keysAtHand(config, opening);
  if (hostKey !== undefined) checkCertificate(hostKey, code);
  const host = hostKey?.host ?? (await hostNameOf(config, session.host, signal));
  // With the code alone: what the host key opens proves nothing about it.
  const { key: _without, ...rest } = config;
  await using repository = await openConfigured({ ...rest, host }, opening, signal);
  const { keyRecord, otherKeyRecords } = await checkKeyRecord(
    repository,
    host,
    code,
    { hostKey, file: config.key },
    session,
  );
  const point = await newestPoint(repository, host, session);
  const proven = new Date().toISOString();
  const notes = hostKey !== undefined && !globals.dryRun;
  if (notes && config.key !== undefined) await writeHostKey(config.key, { ...hostKey, proven });
  return {
    host,
    repository: repository.target.url,
    keyRecord,
    otherKeyRecords,
    ...(point === undefined ? {} : { point }),
    ...(notes ? { proven } : {}),
  };
}

function checkCertificate(key: HostKey, code: RecoveryCode): void {
  checkIsInForce(code, key);
  const { publicKey } = signingKeyOf(key);
  if (isCertified(key.recovery.certifier, key.host, publicKey, key.certificate)) return;
  throw new LifeboatError('untrusted', 'the recovery code did not certify the signing key of this host', {
    hint: 'The key file was changed or is damaged. To make a new one: lifeboat key rotate --host-key.',
  });
}

async function checkKeyRecord(
  { target, id }: OpenRepository,
  host: string,
  code: RecoveryCode,
  { hostKey, file }: { hostKey: HostKey | undefined; file: string | undefined },
  { globals: { dryRun }, context: { stateDir }, opening, signal }: Session,
) {
  const place = { target, id, stateDir, host };
  if (hostKey !== undefined && !dryRun) await putBackKeyRecord(place, signal);
  const { records, sealedToOthers } = await readKeyRecords(target, host, code, opening.say, signal);
  const publicKey = derive(code.secret).signing.publicKey;
  if (records.some(({ certifier }) => certifier === publicKey)) {
    return { keyRecord: 'opened', otherKeyRecords: sealedToOthers } as const;
  }
  if (hostKey === undefined) {
    throw new LifeboatError('no-key', `this recovery code opens nothing of ${host} at ${target.url}`, {
      hint: 'It is well formed, but of another host or repository. Compare the sheet with both names.',
    });
  }
  if (hostKey.writeOnly && hostKey.retired.certifiers.length > 0) {
    // It does not open what it should: that it was proven once is no longer true, and the code before it may replace it.
    const { proven: _once, ...unproven } = hostKey;
    if (file !== undefined && !dryRun) await writeHostKey(file, unproven);
    throw new LifeboatError('no-key', `the key record that was made for this recovery code is not at ${target.url}`, {
      hint: 'Points from before the rotation are opened by the code before it alone: keep that sheet. To make a code that opens all: lifeboat key rotate, with that code.',
    });
  }
  if (dryRun) return { keyRecord: 'missing', otherKeyRecords: sealedToOthers } as const;
  await putKeyRecord(place, sealKeyRecord(hostKey, code, noneRetired, new Date()), signal);
  return { keyRecord: 'made', otherKeyRecords: sealedToOthers } as const;
}

/** The newest by its name: where arrival says otherwise, that is no matter of the code. */
async function newestPoint(repository: OpenRepository, host: string, { signal }: Session): Promise<string | undefined> {
  const found = await listFolder(repository.target, host, 'points', signal);
  const newest = found
    .flatMap(({ key }) => nameIn(host, 'points', key) ?? [])
    .sort()
    .at(-1);
  if (newest === undefined) return undefined;
  try {
    return (await findPoint(repository, host, newest, signal)).point.id;
  } catch (error) {
    if (error instanceof LifeboatError && error.code === 'not-found') return undefined;
    throw error;
  }
}

export function checkText({ host, repository, keyRecord, otherKeyRecords, point, proven }: KeyCheck): string {
  return [
    'The recovery code is right.',
    {
      opened: `  It opens the key record of ${host} at ${repository}.`,
      made: `  The repository ${repository} had no key record of it; made one, which it opens.`,
      missing: `  The repository ${repository} has no key record of it yet.`,
    }[keyRecord],
    point === undefined
      ? '  There is no point yet.'
      : `  It opens the record of the newest point, ${point}, and that is rightly signed.`,
    ...(otherKeyRecords === 0
      ? []
      : [`  ${otherKeyRecords} key record(s) are of codes before or after this one; the last one opens everything.`]),
    ...(proven === undefined ? [] : [`  Noted in the host key as proven at ${proven}.`]),
  ].join('\n');
}
