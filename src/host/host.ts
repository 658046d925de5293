/**
 * The one door to a machine. Everything lifeboat learns of a host or does on it goes through these four verbs, so that
 * the same code captures this machine, one behind ssh, a restored root in a chroot, or a recording in a test.
 *
 * What every implementation owes (`test/conformance/host.ts` checks it):
 * - argv goes to the program as it is, never through a shell; `LC_ALL=C` unless `env` says otherwise;
 *   nothing else of our own environment but PATH and HOME; the working directory is `/`;
 * - stdin is empty unless given; the command is in a process group of its own;
 * - on abort or time limit the whole group gets SIGTERM, then SIGKILL, and the call ends within a bounded wait even
 *   when the command does not die;
 * - output is bounded: more than `maxOutput` bytes of collected output is an error, and of stderr the tail is kept.
 */
export interface Host extends AsyncDisposable {
  /** For messages and records: `local`, `ssh://root@web1:22`, `chroot:/mnt`. */
  readonly name: string;

  /**
   * Runs a command to its end and collects what it prints.
   *
   * @throws LifeboatError `tool-missing` (no such program), `command-failed` (an exit code not in `okCodes`),
   *   `command-timeout`, `output-too-large`, `interrupted`, `unsupported`, `unreachable`
   */
  run(argv: Argv, options: RunOptions, signal: AbortSignal): Promise<RunResult>;

  /**
   * Starts a command whose output is too large to collect. Nobody reading `stdout` stops the command by back-pressure;
   * leaving the loop early ends the process group. A loop over `stdout` that ends has seen all of it: an abort, a time
   * limit or a lost connection throws there too. `finished` settles after that and never rejects by an exit code.
   */
  stream(argv: Argv, options: StreamOptions, signal: AbortSignal): Running;

  /**
   * A whole small file.
   *
   * @throws LifeboatError `not-found`, `permission-denied`, `output-too-large` above `maxBytes`
   */
  read(path: string, options: ReadOptions, signal: AbortSignal): Promise<Buffer>;

  /** Replaces a small file atomically: after any failure the old content stands. */
  write(path: string, data: Uint8Array, options: WriteOptions, signal: AbortSignal): Promise<void>;
}

/** Program and arguments, as UTF-8. A name in other bytes (`kernel/text.ts`) is refused as `unsupported`: use stdin. */
export type Argv = readonly [program: string, ...args: string[]];

export interface RunOptions {
  /** Time limit in milliseconds. @default 60_000 */
  readonly timeoutMs?: number;
  /** Bound on collected stdout in bytes. @default 64 MiB */
  readonly maxOutput?: number;
  /** Exit codes that are no failure. @default [0] */
  readonly okCodes?: readonly number[];
  /** Written to the command's stdin, which is then closed. Secrets go this way, never by argv or `env`. */
  readonly stdin?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly env?: Readonly<Record<string, string>>;
  /** How long a command that is to end has between SIGTERM and SIGKILL, on the local host. @default 2000 */
  readonly killGraceMs?: number;
}

export interface StreamOptions {
  /** Time limit in milliseconds. @default none */
  readonly timeoutMs?: number;
  readonly stdin?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly env?: Readonly<Record<string, string>>;
  /** As in {@link RunOptions}. */
  readonly killGraceMs?: number;
  /**
   * A chunk of stdout need not stay what it is after the second next one was asked for: so that a long stream can be read into a few
   * buffers. @default chunks belong to the reader
   */
  readonly reuse?: boolean;
  /** Called for each whole line of stderr, for tools that report on it. */
  readonly onStderrLine?: (line: string) => void;
}

export interface ReadOptions {
  /** @default 16 MiB */
  readonly maxBytes?: number;
  /** @default 15_000 */
  readonly timeoutMs?: number;
}

export interface WriteOptions {
  /** Permission bits. @default 0o600 */
  readonly mode?: number;
}

export interface RunResult {
  /** Exit code; 128 + signal number when a signal ended it. */
  readonly code: number;
  readonly stdout: Buffer;
  /** The last 64 KiB, as text. */
  readonly stderr: string;
}

export interface Running {
  readonly stdout: AsyncIterable<Uint8Array>;
  /** Rejects only where the command could not be started, ran into its limit, was aborted, or was lost with its host. */
  readonly finished: Promise<{ readonly code: number; readonly stderr: string }>;
}

export const defaults = {
  timeoutMs: 60_000,
  readTimeoutMs: 15_000,
  maxOutput: 64 * 1024 * 1024,
  maxRead: 16 * 1024 * 1024,
  stderrTail: 64 * 1024,
  /** From SIGTERM to SIGKILL, and again from there to giving the command up. */
  killGraceMs: 2_000,
} as const;
