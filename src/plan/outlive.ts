/** Commands whose lifeboat was killed run to their end without it: who goes on where it was waits for them first. */
import { LifeboatError } from '../kernel/errors.ts';
import { formatDuration } from '../kernel/units.ts';
import type { Host } from '../host/host.ts';

/** The same host; as long as a command runs there, it holds this lock, and nothing that it leaves behind does. */
export function holding(host: Host, lock: string): Host {
  const prefix = ['flock', '--shared', '--close', lock] as const;
  return {
    name: host.name,
    stream: (argv, options, signal) => host.stream(argv, options, signal),
    read: (path, options, signal) => host.read(path, options, signal),
    write: (path, data, options, signal) => host.write(path, data, options, signal),
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
    async run(argv, options, signal) {
      try {
        return await host.run([...prefix, ...argv], options, signal);
      } catch (error) {
        if (!(error instanceof LifeboatError)) throw error;
        const { code, hint, retryable, cause } = error;
        throw new LifeboatError(code, error.message.replace(`${prefix.join(' ')} `, ''), { hint, retryable, cause });
      }
    },
  };
}

/** @throws LifeboatError `locked` where one still runs after that time */
export async function othersEnded(host: Host, lock: string, limitMs: number, signal: AbortSignal): Promise<void> {
  const seconds = Math.ceil(limitMs / 1_000);
  const argv = [
    'flock',
    '--exclusive',
    '--timeout',
    String(seconds),
    '--conflict-exit-code',
    '75',
    lock,
    'true',
  ] as const;
  const { code } = await host.run(argv, { okCodes: [0, 75], timeoutMs: limitMs + 30_000 }, signal);
  if (code === 0) return;
  throw new LifeboatError('locked', `a command of an earlier attempt has not ended within ${formatDuration(limitMs)}`, {
    hint: `"fuser -v ${lock}" there tells which; give the same command again when it has ended.`,
  });
}
