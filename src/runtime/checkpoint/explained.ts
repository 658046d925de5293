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
