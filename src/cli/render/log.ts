import { pino } from 'pino';
import { redact } from '../../kernel/secret.ts';
import type { RunEvent } from '../../workflow/events.ts';

/** Events for the log of a run: pino's JSON lines, written at once, so that the last ones before a crash are there. */
export function logRenderer(path: string, level: string) {
  const destination = pino.destination({ dest: path, sync: true, append: true, mode: 0o600 });
  // A log that cannot be written must not end a run: its journal is on the same disk, and says what matters.
  destination.on('error', () => {});
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return {
    emit: (event: RunEvent): void => {
      logger[levelOf(event)](redact(event), event.type);
    },
    [Symbol.asyncDispose]: async (): Promise<void> => {
      destination.end();
    },
  };
}

function levelOf(event: RunEvent): 'debug' | 'info' | 'warn' | 'error' {
  switch (event.type) {
    case 'step-failed':
    case 'cleanup-failed':
      return 'error';
    case 'step-retried':
      return 'warn';
    case 'step-said':
      return event.message.type === 'finding'
        ? 'warn'
        : event.message.type === 'progress' || event.message.type === 'detail'
          ? 'debug'
          : 'info';
    case 'run-started':
    case 'step-started':
    case 'step-finished':
    case 'step-skipped':
    case 'cleanup-started':
    case 'run-finished':
      return 'info';
  }
}
