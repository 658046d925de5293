/** `read` and `write` of a host by means of its `run`: constant commands, never a shell. */
import { basename, dirname, join } from 'node:path/posix';
import { asLifeboatError, type ErrorCode, LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import { defaults, type Host, type ReadOptions, type WriteOptions } from './host.ts';

type Runs = Pick<Host, 'run' | 'name'>;

/** The whole of a small file, by `cat`. */
export async function readByCommand(
  host: Runs,
  path: string,
  options: ReadOptions,
  signal: AbortSignal,
): Promise<Buffer> {
  const maxOutput = options.maxBytes ?? defaults.maxRead;
  const timeoutMs = options.timeoutMs ?? defaults.readTimeoutMs;
  const argv = ['cat', '--', path] as const;
  try {
    const { stdout } = await host.run(argv, { maxOutput, timeoutMs }, signal);
    return stdout;
  } catch (error) {
    throw fileError(error, `read ${printable(path)} on ${host.name}`);
  }
}

/** Replaces a file: written beside it, made durable, renamed over it. */
export async function writeByCommands(
  host: Runs,
  path: string,
  data: Uint8Array,
  options: WriteOptions,
  signal: AbortSignal,
): Promise<void> {
  const directory = dirname(path);
  const mode = (options.mode ?? 0o600).toString(8).padStart(4, '0');
  let temporary: string | undefined;
  try {
    const made = await host.run(['mktemp', join(directory, `.${basename(path)}.XXXXXX`)], {}, signal);
    temporary = made.stdout.toString('utf8').replace(/\n$/, '');
    await host.run(['dd', `of=${temporary}`, 'bs=64k', 'conv=fsync'], { stdin: data }, signal);
    await host.run(['chmod', mode, temporary], {}, signal);
    await host.run(['mv', '-f', '-T', temporary, path], {}, signal);
    temporary = undefined;
    await host.run(['sync', directory], {}, signal);
  } catch (error) {
    if (temporary !== undefined) await removeLeftover(host, temporary);
    throw fileError(error, `write ${printable(path)} on ${host.name}`);
  }
}

/** Has a clock of its own: the signal of the write may be what ended it. */
async function removeLeftover(host: Runs, path: string): Promise<void> {
  try {
    await host.run(['rm', '-f', path], { timeoutMs: 5_000 }, new AbortController().signal);
  } catch {
    // The first error is the one to report; a host that cannot remove the file now would say the same again.
  }
}

const codeOfMessage: readonly (readonly [RegExp, ErrorCode])[] = [
  [/no such file or directory/i, 'not-found'],
  [/permission denied|operation not permitted|read-only file system/i, 'permission-denied'],
  [/no space left on device|disk quota exceeded/i, 'no-space'],
];

/** The error of a command that did the work of a system call, in the terms of that call. */
function fileError(error: unknown, doing: string): LifeboatError {
  const known = asLifeboatError(error);
  if (known.code === 'interrupted') return known;
  const said = known.code === 'command-failed' ? known.message.slice(known.message.indexOf('\n') + 1).trim() : '';
  // Only the end of a line is the system's message: a path may hold the same words.
  const reasons = said.split('\n').map((line) => line.slice(line.lastIndexOf(': ') + 2));
  const match = codeOfMessage.find(([pattern]) => reasons.some((reason) => pattern.test(reason)));
  return new LifeboatError(
    match?.[1] ?? (known.code === 'command-failed' ? 'failed' : known.code),
    `${doing}: ${said || known.message}`,
    {
      hint: known.hint,
      retryable: known.retryable,
      cause: error,
    },
  );
}
