/** What every command about keys begins with. */
import type { Config } from '../../config/schema.ts';
import { derive } from '../../keys/derive.ts';
import type { HostKey } from '../../keys/host-key.ts';
import { parseRecoveryCode, type RecoveryCode } from '../../keys/recovery-code.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { lockFile } from '../../host/file-lock.ts';
import { recoveryCode } from '../ask-secret.ts';
import type { Session } from '../session.ts';

/** @throws LifeboatError `usage` where nobody gave the code and nobody can be asked, or it is mistyped */
export async function neededCode({ globals, signal }: Session, why: string): Promise<RecoveryCode> {
  const given = await recoveryCode(globals, signal);
  if (given !== undefined) return parseRecoveryCode(given.reveal());
  throw new LifeboatError('usage', `${why} needs the recovery code`, {
    hint: 'Run it at a terminal and type the code, or give it in the environment as LIFEBOAT_RECOVERY_CODE.',
  });
}

/** @throws LifeboatError `config-invalid` when the configuration names no key */
export function keyFileOf({ key }: Config): string {
  if (key !== undefined) return key;
  throw new LifeboatError('config-invalid', 'the configuration names no key: nothing is encrypted or signed', {
    hint: 'lifeboat init --force makes the keys, and a new configuration that names them.',
  });
}

/**
 * To be held by whoever reads the key file to write it.
 *
 * @throws LifeboatError `locked`
 */
export async function lockHostKey(file: string): Promise<AsyncDisposable> {
  const lock = await lockFile(`${file}.lock`);
  if (lock !== undefined) return lock;
  throw new LifeboatError('locked', `another "lifeboat key" is at ${file}`, { hint: 'Wait for it to end.' });
}

/**
 * Passes only for the code that is in force for this host.
 *
 * @throws LifeboatError `no-key`
 */
export function checkIsInForce(code: RecoveryCode, key: HostKey): void {
  const { publicKey } = derive(code.secret).signing;
  if (publicKey === key.recovery.certifier) return;
  if (key.retired.certifiers.includes(publicKey)) {
    throw new LifeboatError('no-key', 'this recovery code was replaced by another one', {
      hint: 'It opens only what was stored before that. Take the sheet that was made last.',
    });
  }
  throw new LifeboatError('no-key', `this is a recovery code, but not that of ${key.host}`, {
    hint: 'Each host has a code of its own. Take the sheet with the name of this host.',
  });
}
