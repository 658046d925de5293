/** What an SFTP server's refusal means. OpenSSH tells four things apart; for all others it says "Failure". */
import { LifeboatError } from '../../kernel/errors.ts';
import type { Session } from './session.ts';
import { hasStatus, SftpStatus } from './wire.ts';

/** Less than this, and a disk is full: filesystems keep some blocks back. */
const FULL_BYTES = 1024 * 1024;

/** Runs `work`; a refusal of the server leaves it as a {@link LifeboatError} that begins with `doing`. */
export async function explaining<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw meaningOf(error, doing);
  }
}

function meaningOf(error: unknown, doing: string): unknown {
  if (!(error instanceof SftpStatus)) return error;
  const fail = (code: LifeboatError['code'], hint?: string) =>
    new LifeboatError(code, `${doing}: ${error.message}`, { hint, cause: error });
  if (hasStatus(error, 'noSuchFile')) return fail('not-found');
  if (hasStatus(error, 'permissionDenied')) {
    return fail('permission-denied', 'See who owns the directory there, and whether the account may write to it.');
  }
  if (hasStatus(error, 'unsupported')) return fail('unsupported');
  if (/quota|no space|disk full/i.test(error.message)) return fail('no-space', makeRoom);
  return fail('target-failed', 'The server gives no reason: look for a quota, and at its log and its disk.');
}

const makeRoom = 'Free some space there, raise the quota, or choose another place, and run the command again.';

/** Asks, after a write was refused without a reason, whether the disk is full. */
export async function orNoSpace(error: unknown, session: Session, root: string, doing: string): Promise<unknown> {
  if (!hasStatus(error, 'failure') || !session.offers('statvfs')) return error;
  const space = await session.space(root).catch(() => undefined);
  if (space === undefined || (space.available >= FULL_BYTES && space.freeFiles > 0)) return error;
  return new LifeboatError('no-space', `${doing}: the disk of the server is full`, { hint: makeRoom, cause: error });
}
