import { LifeboatError } from '../kernel/errors.ts';

/** Ctrl-C, what ends services, and a terminal or ssh connection that is gone. */
const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * A signal that the first SIGINT, SIGTERM or SIGHUP aborts, so that work ends cleanly; the second one ends the process at once,
 * as after kill -9. Disposing it gives the signals back.
 *
 * @param outlivesTerminal whether work goes on when the terminal or the connection is gone
 */
export function interruptSignal(outlivesTerminal = false): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (outlivesTerminal && name === 'SIGHUP') return;
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new LifeboatError('interrupted', `interrupted by ${name}`));
  };
  for (const name of names) process.on(name, onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}
