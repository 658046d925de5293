/** The keys that `init` makes: host key and recovery code, or the host key that is there already. */
import type { HostKey } from '../keys/host-key.ts';
import { newHostKey, readHostKey, writeHostKey } from '../keys/host-key.ts';
import { sealKeyRecord } from '../keys/key-record.ts';
import { newRecoveryCode, type RecoveryCode } from '../keys/recovery-code.ts';
import { noneRetired } from '../keys/retired.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { type KeyRecordPlace, putKeyRecord } from '../steps/key-records.ts';

export interface InitKeys {
  readonly key: HostKey;
  /** Absent where the key was kept: its code was shown when it was made. */
  readonly code?: RecoveryCode;
}

/**
 * A key file that is there is never replaced, for data may depend on it.
 *
 * @throws LifeboatError `refused` when one that is there opens, and a write-only one is asked for; what {@link readHostKey} throws of one that is there
 */
export function keptOrNewKeys(path: string, hostName: string, writeOnly: boolean, now: Date): InitKeys {
  try {
    const key = readHostKey(path);
    if (!writeOnly || key.writeOnly) return { key };
    throw new LifeboatError('refused', `${path} is a key that opens everything, and it is kept`, {
      hint: 'Leave --write-only out. Then, to replace it by one that opens nothing: lifeboat key rotate --host-key --write-only.',
    });
  } catch (error) {
    if (!(error instanceof LifeboatError && error.code === 'not-found')) throw error;
  }
  const code = newRecoveryCode();
  return { key: newHostKey(hostName, code, { writeOnly }, now), code };
}

/** The repository first: a key file without its record there would be of no use to the code. */
export async function storeNewKeys(
  path: string,
  { key, code }: InitKeys,
  repository: Omit<KeyRecordPlace, 'host'>,
  now: Date,
  signal: AbortSignal,
): Promise<void> {
  if (code === undefined) return;
  await putKeyRecord({ ...repository, host: key.host }, sealKeyRecord(key, code, noneRetired, now), signal);
  await writeHostKey(path, key);
}
