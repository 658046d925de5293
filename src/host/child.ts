/** What a machine must offer so that `command.ts` can run commands on it: a started process, and how to end it. */
import type { Readable, Writable } from 'node:stream';
import { LifeboatError } from '../kernel/errors.ts';
import { redactText } from '../kernel/secret.ts';
import { printable } from '../kernel/text.ts';
import type { Argv } from './host.ts';

/** A process that was started, in a process group of its own. */
export interface Child {
  /** Absent where the command was started with an empty stdin. */
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The exit code; rejects when the process never began or the way to it was lost. */
  readonly exited: Promise<number>;
  /** Settles when everything the process wrote before its exit has reached `stdout` and `stderr`; never rejects. */
  arrived(): Promise<void>;
  /** Ends the process group, first politely and then by force. Settles when it is gone or cannot be ended; never rejects. */
  end(graceMs: number): Promise<void>;
  /** Lets go of a process that nobody waits for any more. */
  abandon(): void;
}

export interface StartOptions {
  readonly withStdin: boolean;
  /** Chunks of stdout may be overwritten, see `StreamOptions`. */
  readonly reuse: boolean;
  readonly env: Readonly<Record<string, string>>;
}

/** Starts a process; `signal` ends the attempt to start, not the process. */
export type Start = (argv: Argv, options: StartOptions, signal: AbortSignal) => Promise<Child>;

/** A command as it may be shown: one line, no secrets, not endless. */
export function commandText(argv: Argv): string {
  const words = argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`));
  const text = printable(redactText(words.join(' ')));
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}

/** @throws LifeboatError `unsupported` for what cannot be an argument or a variable */
export function checkArguments(argv: Argv, env: Readonly<Record<string, string>>): void {
  for (const word of [...argv, ...Object.values(env)]) {
    if (!word.isWellFormed()) {
      throw new LifeboatError(
        'unsupported',
        `a name that is not valid UTF-8 cannot be an argument: ${printable(word)}`,
        {
          hint: 'Hand such names to the command by its stdin, separated by NUL bytes.',
        },
      );
    }
    if (word.includes('\0')) {
      throw new LifeboatError('unsupported', `an argument cannot hold a NUL byte: ${commandText(argv)}`);
    }
  }
  for (const name of Object.keys(env)) {
    if (!/^[A-Za-z_]\w*$/.test(name)) {
      throw new LifeboatError('unsupported', `not a name of an environment variable: ${printable(name)}`);
    }
  }
}
