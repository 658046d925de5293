/** What a runtime failed of, in the words that are known of CRIU's log; a runtime itself only says that CRIU failed. */
import { explained } from '../../criu/explain.ts';
import type { Host } from '../../host/host.ts';
import { asLifeboatError, LifeboatError } from '../../kernel/errors.ts';
import { nameFromBytes } from '../../kernel/text.ts';

/**
 * @param logs where CRIU may have written; besides, the log that the runtime names in its message
 * @returns the error itself where the logs know no more
 */
export async function inWords(host: Host, thrown: unknown, logs: readonly string[]): Promise<LifeboatError> {
  const error = asLifeboatError(thrown);
  if (error.code !== 'command-failed') return error;
  const named = [...error.message.matchAll(/(\/[^\s:"']+\.log)\b/g)].map(([, path = '']) => path);
  for (const path of new Set([...logs, ...named])) {
    const known = explained(await readLog(host, path));
    if (known === undefined) continue;
    return new LifeboatError('criu-failed', known.cause, { hint: known.failure.next, cause: error });
  }
  return error;
}

/** Its end; nothing where it is not there. */
export async function readLog(host: Host, path: string): Promise<string> {
  const { signal } = new AbortController();
  const argv = ['tail', '-c', '262144', '--', path] as const;
  const { stdout } = await host.run(argv, { okCodes: [0, 1], timeoutMs: 15_000 }, signal);
  return nameFromBytes(stdout);
}

/**
 * A restore that failed, after nothing of it is here any more.
 *
 * @param logs as of {@link inWords}: they are read before anything is removed
 * @param remove what it had made. @returns that, in words
 */
export async function afterRemoval(
  host: Host,
  thrown: unknown,
  logs: readonly string[],
  remove: () => Promise<readonly string[]>,
): Promise<LifeboatError> {
  const known = await inWords(host, thrown, logs);
  const left = await remove();
  const words = left.length === 0 ? '' : `; removed what was left of it: ${left.join(', ')}`;
  return new LifeboatError(known.code, `${known.message}${words}`, { hint: known.hint, cause: known.cause ?? known });
}
