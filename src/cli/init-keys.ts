/** The keys that `init` makes: host key and recovery code, or the host key that is there already. */
import type { HostKey } from '../keys/host-key.ts';
import { newHostKey, readHostKey, writeHostKey } from '../keys/host-key.ts';
import { sealKeyRecord } from '../keys/key-record.ts';
import { newRecoveryCode, type RecoveryCode } from '../keys/recovery-code.ts';
import { noneRetired } from '../keys/retired.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { putKeyRecord } from '../steps/keys.ts';
import type { Target } from '../target/target.ts';

export interface InitKeys {
  readonly key: HostKey;
  /** Absent where the key was kept: its code was shown when it was made. */
  readonly code?: RecoveryCode;
}

/**
 * A key file that is there is never replaced, for data may depend on it.
 *
 * @throws LifeboatError what {@link readHostKey} throws of one that is there
 */
export function keptOrNewKeys(path: string, hostName: string, writeOnly: boolean, now: Date): InitKeys {
  try {
    return { key: readHostKey(path) };
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
  target: Target,
  now: Date,
  signal: AbortSignal,
): Promise<void> {
  if (code === undefined) return;
  await putKeyRecord(target, key.host, sealKeyRecord(key, code, noneRetired, now), signal);
  await writeHostKey(path, key);
}
