/** Ends a drill that can come to no good end: each way in which a machine can go on for ever, or take more than is there to take. */
import { statfs } from 'node:fs/promises';
import type { Host } from '../host/host.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import { formatBytes, formatDuration } from '../kernel/units.ts';
import { limited, throwIfAborted } from '../kernel/wait.ts';
import type { Machine } from '../machine/machine.ts';

export interface Limits {
  /** Of the drill as a whole, from power-on. */
  readonly wholeMs: number;
  /** Of what the machine prints on its serial line. */
  readonly serialBytes: number;
  /** Where its disks grow, and what has to stay free there. */
  readonly images: { readonly directory: string; readonly reserveBytes: number };
  /** How often it is looked. */
  readonly everyMs: number;
}

export type Watched = {
  readonly serial: Pick<Machine['serial'], 'text'>;
  readonly qmp: Pick<Machine['qmp'], 'onEvent'>;
};

/** As a kernel prints it, also where it says when. */
const panic = /^(?:\[ *\d+\.\d+\] ?(?:\[[^\]]*\] ?)?)?(Kernel panic - not syncing.*)$/m;

/**
 * @returns a signal that is aborted with what is wrong: `machine-failed`, `machine-timeout`, or `no-space` where it is not the machine's
 * fault
 */
export function watched(
  { serial, qmp }: Watched,
  { wholeMs, serialBytes, images, everyMs }: Limits,
  signal: AbortSignal,
): { readonly signal: AbortSignal } & Disposable {
  const late = () =>
    new LifeboatError('machine-timeout', `the drill did not end within ${formatDuration(wholeMs)}`, {
      hint: 'See where the time went in the report; if it needs longer, set drill.limit.',
    });
  const limit = limited(signal, wholeMs, late);
  const over = new AbortController();
  const fail = (message: string): void => over.abort(new LifeboatError('machine-failed', message));
  const stopListening = qmp.onEvent(({ name }) => {
    if (name === 'GUEST_PANICKED') fail(panicked(serial.text()));
  });
  const look = async (): Promise<void> => {
    const text = serial.text();
    if (text.length > serialBytes) return fail(`it prints without end on its serial line: ${formatBytes(text.length)}`);
    if (panic.test(text)) return fail(panicked(text));
    const { bavail, bsize } = await statfs(images.directory);
    if (bavail * bsize < images.reserveBytes) over.abort(full(images, bavail * bsize));
  };
  // What cannot be looked at now is looked at the next time.
  const timer = setInterval(() => void look().catch(() => undefined), everyMs);
  return {
    signal: AbortSignal.any([limit.signal, over.signal]),
    [Symbol.dispose]: () => {
      clearInterval(timer);
      stopListening();
      limit[Symbol.dispose]();
    },
  };
}

const panicked = (text: string): string =>
  `its kernel has crashed: ${printable(panic.exec(text)?.[1] ?? 'it says no more')}`;

function full({ directory, reserveBytes }: Limits['images'], freeBytes: number): LifeboatError {
  const left = `${formatBytes(freeBytes)} are left at ${directory}, and ${formatBytes(reserveBytes)} have to stay free there`;
  return new LifeboatError('no-space', `the drill was ended, as its disks fill this host: ${left}`, {
    hint: 'Free some space there, or name a directory on another filesystem with --keep, and remove what is in it afterwards.',
  });
}

export interface Pulse {
  readonly everyMs: number;
  /** How long an answer may take. */
  readonly patienceMs: number;
}

/** Of a machine that is emulated beside others, and restores as fast as it can. */
const usualPulse: Pulse = { everyMs: 60_000, patienceMs: 600_000 };

/**
 * Does what may take any time on a machine, as long as that answers.
 *
 * @throws LifeboatError `machine-timeout` where it hangs
 */
export async function whileAnswering<T>(
  host: Host,
  work: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
  { everyMs, patienceMs }: Pulse = usualPulse,
): Promise<T> {
  const hung = new AbortController();
  const over = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  let isAsked = false;
  const ask = async (): Promise<void> => {
    if (isAsked) return;
    isAsked = true;
    try {
      await host.run(['true'], { timeoutMs: patienceMs, okCodes: [0, 1] }, both);
    } catch (error) {
      if (!both.aborted && asLifeboatError(error).code === 'command-timeout') {
        const silent = `the machine hangs: for ${formatDuration(patienceMs)} it has not answered`;
        hung.abort(new LifeboatError('machine-timeout', silent));
      }
    } finally {
      isAsked = false;
    }
  };
  const timer = setInterval(() => void ask(), everyMs);
  try {
    const value = await work(AbortSignal.any([signal, hung.signal]));
    return value;
  } catch (error) {
    throwIfAborted(signal);
    throwIfAborted(hung.signal);
    throw error;
  } finally {
    clearInterval(timer);
    over.abort();
  }
}
