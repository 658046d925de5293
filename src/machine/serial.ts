/** The serial console of a machine: what it has printed, and typing on it. */
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { stripVTControlCharacters } from 'node:util';
import { LifeboatError } from '../kernel/errors.ts';
import { abortError, limited, sleep } from '../kernel/wait.ts';
import { connectWhenThere } from '../qemu/socket.ts';

/** How often the log is looked at. */
const pollMs = 100;

export interface SerialConsole {
  /** Where somebody can sit down at it; one at a time. */
  readonly socket: string;
  /** All of it since the machine was started, without control sequences. */
  text(): string;
  /** The last lines, for messages. */
  lastLines(count: number): string;
  /** Waits until the text from `from` on (all by default) has the pattern; gives the match. */
  waitFor(pattern: RegExp, limitMs: number, signal: AbortSignal, from?: number): Promise<RegExpExecArray>;
  /** Types, as somebody who sits there does. */
  type(text: string, signal: AbortSignal): Promise<void>;
}

/**
 * @param log the file into which QEMU writes what the guest prints
 * @param socket where QEMU takes what is typed
 */
export function serialConsole(log: string, socket: string): SerialConsole {
  const text = () => clean(readLog(log));
  const lastLines = (count: number) => text().trimEnd().split('\n').slice(-count).join('\n');
  return {
    socket,
    text,
    lastLines,
    async waitFor(pattern, limitMs, signal, from = 0) {
      const error = () =>
        new LifeboatError('machine-timeout', `nothing like ${String(pattern)} on the console:\n${lastLines(15)}`);
      using limit = limited(signal, limitMs, error);
      for (;;) {
        const match = pattern.exec(text().slice(from));
        if (match !== null) return match;
        await sleep(pollMs, limit.signal);
      }
    },
    async type(words, signal) {
      const connection = await connectWhenThere(socket, signal);
      try {
        connection.resume();
        connection.end(words);
        await once(connection, 'close', { signal });
      } catch (error) {
        if (signal.aborted) throw abortError(signal);
        throw error;
      } finally {
        connection.destroy();
      }
    },
  };
}

function readLog(path: string): string {
  return readFileSync(path, { encoding: 'latin1', flag: 'a+' });
}

function clean(raw: string): string {
  return stripVTControlCharacters(Buffer.from(raw, 'latin1').toString('utf8')).replaceAll('\r', '');
}
