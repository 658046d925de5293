/** The way to the server: one session that all calls share, made anew when it is lost, for as long as patience lasts. */
import { abortError, limited, raceAbort, sleep, throwIfAborted } from '../../kernel/wait.ts';
import { asLifeboatError, LifeboatError } from '../../kernel/errors.ts';
import type { Session } from './session.ts';

export interface Patience {
  /** How long calls wait for a server that is away, counted from the last sign of progress. */
  readonly windowMs: number;
  /** Between the second and third attempt to connect; doubled for each further one, up to the longest. */
  readonly delayMs: number;
  readonly maxDelayMs: number;
}

export interface Link extends AsyncDisposable {
  /** The session that stands, if one does. */
  standing(): Session | undefined;
  /** Runs `work`, and again on a new session while it fails with retryable errors and patience lasts. */
  lasting<T>(work: (session: Session, progress: () => void) => Promise<T>, signal: AbortSignal): Promise<T>;
  /** The patience of one call. */
  patience(): CallPatience;
}

export interface CallPatience {
  /**
   * The session that stands, or a new one.
   *
   * @throws LifeboatError the last failure when none was to be had for as long as patience lasts
   */
  session(signal: AbortSignal): Promise<Session>;
  /** Something went through: patience begins anew. */
  readonly progress: () => void;
  /** Returns when it is worth trying again after `error`, and throws it when it is not. */
  outlast(error: unknown, signal: AbortSignal): Promise<void>;
}

/**
 * @param connect makes a session
 * @param onWait told before each wait for the server
 */
export function linkTo(
  connect: (signal: AbortSignal) => Promise<Session>,
  patience: Patience,
  onWait: (error: LifeboatError, pauseMs: number) => void,
): Link {
  const ended = new AbortController();
  let current: Session | undefined;
  let connecting: Promise<Session> | undefined;
  /** Losses and refusals without anything that went through in between. */
  let failures = 0;
  let lastError: LifeboatError | undefined;

  async function session(signal: AbortSignal): Promise<Session> {
    throwIfAborted(signal);
    if (current !== undefined && current.failure === undefined) return current;
    if (current?.failure !== undefined) noteFailure(current.failure);
    current = undefined;
    // Whoever comes while others wait for the server waits with them; an abort of one leaves the others alone.
    connecting ??= reconnect().finally(() => {
      connecting = undefined;
    });
    return await raceAbort(connecting, signal);
  }

  function noteFailure(error: LifeboatError): void {
    failures += 1;
    lastError = error;
  }

  async function reconnect(): Promise<Session> {
    // A connection that broke for once is made again at once.
    if (lastError !== undefined && failures > 1) {
      const longest = Math.min(patience.delayMs * 2 ** (failures - 2), patience.maxDelayMs);
      // A random half keeps many hosts that lost the same server from returning together.
      const pauseMs = longest * (0.5 + Math.random() / 2);
      onWait(lastError, pauseMs);
      await sleep(pauseMs, ended.signal);
    }
    try {
      current = await connect(ended.signal);
      return current;
    } catch (error) {
      noteFailure(asLifeboatError(error));
      throw error;
    }
  }

  function callPatience(): CallPatience {
    let since: number | undefined;
    let failure: LifeboatError | undefined;
    return {
      async session(signal) {
        if (since === undefined || failure === undefined) return await session(signal);
        const last = failure;
        // Others may have come to long pauses between attempts, longer than this call is willing to wait.
        using limit = limited(signal, since + patience.windowMs - performance.now(), () => last);
        return await session(limit.signal);
      },
      progress() {
        since = undefined;
        failures = 0;
      },
      async outlast(error, signal) {
        if (signal.aborted) throw abortError(signal);
        failure = asLifeboatError(error);
        since ??= performance.now();
        if (!failure.retryable || performance.now() - since >= patience.windowMs) throw error;
        // Without a lost session nothing else would slow the next attempt down.
        if (current !== undefined && current.failure === undefined) await sleep(patience.delayMs, signal);
      },
    };
  }

  return {
    standing: () => (current?.failure === undefined ? current : undefined),
    patience: callPatience,

    async lasting(work, signal) {
      const own = callPatience();
      for (;;) {
        try {
          const result = await raceAbort(work(await own.session(signal), own.progress), signal);
          own.progress();
          return result;
        } catch (error) {
          await own.outlast(error, signal);
        }
      }
    },

    async [Symbol.asyncDispose]() {
      ended.abort(new LifeboatError('interrupted', 'the target was closed'));
      await connecting?.catch(() => undefined);
      await current?.[Symbol.asyncDispose]();
    },
  };
}
