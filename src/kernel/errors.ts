/**
 * The one error class, and the one table from what went wrong to the exit status.
 *
 * Throw for failure, return `undefined` for absence, return a report for findings.
 */

/** Exit statuses of the command line; scripts rely on them. */
export const exitStatuses = {
  0: 'done',
  1: 'failed',
  2: 'wrong usage or configuration',
  3: 'drift or difference found',
  4: 'finished, but incomplete: something was skipped or unverified, each named',
  5: 'refused for safety: would destroy data that was not agreed to',
  6: 'locked by another run',
  130: 'interrupted',
} as const;

export type ExitStatus = keyof typeof exitStatuses;

/** What went wrong → exit status. A new code is one line here. */
const statusOfCode = {
  failed: 1,
  bug: 1,
  usage: 2,
  'config-invalid': 2,
  'workflow-invalid': 2,
  unsupported: 2,
  'old-node': 2,
  'native-missing': 1,
  'native-call': 1,
  'tool-missing': 1,
  'command-failed': 1,
  'command-timeout': 1,
  'output-too-large': 1,
  unreachable: 1,
  'host-key': 1,
  'permission-denied': 1,
  'no-space': 1,
  'no-memory': 1,
  'not-found': 1,
  exists: 1,
  'target-failed': 1,
  'no-repository': 1,
  'newer-format': 1,
  'archive-damaged': 1,
  'archive-unsafe': 1,
  'journal-damaged': 1,
  'record-damaged': 1,
  'record-forged': 1,
  'no-key': 1,
  'step-timeout': 1,
  'hook-failed': 1,
  'machine-failed': 1,
  'rescue-incomplete': 1,
  'machine-timeout': 1,
  'criu-failed': 1,
  'criu-timeout': 1,
  untrusted: 1,
  difference: 3,
  incomplete: 4,
  refused: 5,
  'recovered-before': 5,
  locked: 6,
  interrupted: 130,
} as const satisfies Record<string, ExitStatus>;

export type ErrorCode = keyof typeof statusOfCode;

export interface ErrorOptions {
  /** The next step for the reader, in one sentence. */
  readonly hint?: string | undefined;
  /** Whether the same call may succeed when tried again. */
  readonly retryable?: boolean | undefined;
  readonly cause?: unknown;
}

/** Every failure that lifeboat itself names. */
export class LifeboatError extends Error {
  override readonly name = 'LifeboatError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
  }
}

/** The exit status for anything thrown; an unknown error is a failure. */
export function exitStatusOf(error: unknown): ExitStatus {
  return error instanceof LifeboatError ? statusOfCode[error.code] : 1;
}

/** An error as plain data, for journals, reports and `--json`. */
export interface ErrorRecord {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly retryable?: boolean;
  readonly causes?: readonly string[];
}

/** Whether `value` is a code of the table (an older journal may hold one that is gone). */
export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(statusOfCode, value);
}

/** What was thrown, as data. A value that is not a {@link LifeboatError} is a bug or a system error. */
export function errorRecord(error: unknown): ErrorRecord {
  const known = asLifeboatError(error);
  const causes: string[] = [];
  for (let cause = known.cause; cause instanceof Error && causes.length < 8; cause = cause.cause) {
    causes.push(cause.message);
  }
  return {
    code: known.code,
    message: known.message,
    ...(known.hint === undefined ? {} : { hint: known.hint }),
    ...(known.retryable ? { retryable: true } : {}),
    ...(causes.length === 0 ? {} : { causes }),
  };
}

/** `error` itself when it is ours, else wrapped: a system error by its errno, anything else as a bug. */
export function asLifeboatError(error: unknown): LifeboatError {
  if (error instanceof LifeboatError) return error;
  if (isSystemError(error)) return fromSystemError(error, error.message);
  // What failed first is what to tell; the second error came while cleaning up after it.
  if (error instanceof SuppressedError) return asLifeboatError(error.suppressed);
  if (error instanceof AggregateError && error.errors.length > 0) return asLifeboatError(error.errors[0]);
  const message = error instanceof Error ? error.message : String(error);
  return new LifeboatError('bug', message, {
    hint: 'This is not an error lifeboat knows. Please report it with the run report.',
    cause: error,
  });
}

/** An error of the operating system, as Node and the addon throw it. */
export interface SystemError extends Error {
  readonly code: string;
  readonly errno?: number;
  readonly syscall?: string;
  readonly path?: string;
}

export function isSystemError(error: unknown): error is SystemError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^E(?!RR_)[A-Z0-9_]+$/.test(error.code)
  );
}

/** Whether `error` is the system's `ENOENT`, `EEXIST`, …. */
export function hasErrno(error: unknown, ...codes: readonly string[]): boolean {
  return isSystemError(error) && codes.includes(error.code);
}

const codeOfErrno: Readonly<Record<string, { code: ErrorCode; hint?: string; retryable?: boolean }>> = {
  ENOSPC: { code: 'no-space', hint: 'Free some space there, or choose another place, and run the command again.' },
  EDQUOT: { code: 'no-space', hint: 'The quota is used up. Raise it or choose another place.' },
  EACCES: { code: 'permission-denied', hint: 'Run as root, or as a user that may read and write there.' },
  EPERM: { code: 'permission-denied', hint: 'Run as root.' },
  EROFS: { code: 'permission-denied', hint: 'The filesystem is mounted read-only.' },
  ENOENT: { code: 'not-found' },
  EEXIST: { code: 'exists' },
  ECONNREFUSED: { code: 'unreachable', retryable: true },
  ECONNRESET: { code: 'unreachable', retryable: true },
  ETIMEDOUT: { code: 'unreachable', retryable: true },
  EHOSTUNREACH: { code: 'unreachable', retryable: true },
  ENETUNREACH: { code: 'unreachable', retryable: true },
  ENOTFOUND: { code: 'unreachable', hint: 'There is no such host name, or no name server answers.', retryable: true },
  EAI_AGAIN: { code: 'unreachable', hint: 'No name server answers.', retryable: true },
  EPIPE: { code: 'unreachable', retryable: true },
  EIO: { code: 'failed', hint: 'The device reports read or write errors: look at the kernel log.' },
  EAGAIN: { code: 'failed', retryable: true },
  EBUSY: { code: 'failed', retryable: true },
};

/** A system error in lifeboat's terms, saying what was being done. */
export function fromSystemError(error: SystemError, message: string): LifeboatError {
  const known = codeOfErrno[error.code];
  return new LifeboatError(known?.code ?? 'failed', message, {
    hint: known?.hint,
    retryable: known?.retryable,
    cause: error,
  });
}

/** Runs `work`; a system error leaves it as a {@link LifeboatError} that begins with `doing`. */
export async function explaining<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isSystemError(error)) throw fromSystemError(error, `${doing}: ${error.message}`);
    throw error;
  }
}
