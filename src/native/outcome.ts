/** From the number that a verb of the addon returns to a result, or to an error like those of Node's own `fs`. */
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import type { SystemError } from '../kernel/errors.ts';

/** Those that libuv, whose words Node uses, has none for. */
const moreErrors: ReadonlyMap<number, readonly [code: string, message: string]> = new Map([
  [10, ['ECHILD', 'no child process']],
  [116, ['ESTALE', 'stale file handle']],
  [117, ['EUCLEAN', 'structure needs cleaning']],
  [122, ['EDQUOT', 'disk quota exceeded']],
  [126, ['ENOKEY', 'required key not available']],
]);

/**
 * The outcome of a system call, when it is not an error.
 *
 * @param outcome what the verb returned: negative for -errno
 * @param path what to name in the error
 * @throws SystemError
 */
export function checked<T extends Buffer | bigint | number>(outcome: T, syscall: string, path?: string): T {
  if (typeof outcome === 'number' && outcome < 0) throw systemErrorOf(Math.abs(outcome), syscall, path);
  return outcome;
}

/** Whether a verb failed with this error, by its name in `os.constants.errno`. */
export function failedWith(outcome: Buffer | bigint | number, name: keyof typeof constants.errno): outcome is number {
  return outcome === -constants.errno[name];
}

/** @param errno above 0 */
export function systemErrorOf(errno: number, syscall: string, path: string | undefined): SystemError {
  const [code, message] = getSystemErrorMap().get(-errno) ??
    moreErrors.get(errno) ?? [`E${errno}`, `system error ${errno}`];
  const subject = path === undefined ? '' : ` '${path}'`;
  return Object.assign(new Error(`${code}: ${message}, ${syscall}${subject}`), {
    errno: -errno,
    code,
    syscall,
    ...(path === undefined ? {} : { path }),
  });
}
