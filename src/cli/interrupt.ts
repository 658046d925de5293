import { LifeboatError } from '../kernel/errors.ts';

/**
 * A signal that the first SIGINT or SIGTERM aborts, so that work ends cleanly; the second one ends the process at once,
 * as after kill -9. Disposing it gives the signals back.
 */
export function interruptSignal(): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new LifeboatError('interrupted', `interrupted by ${name}`));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
