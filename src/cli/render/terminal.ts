/** Events for a person: a line for each step, and on a terminal a live line with a bar and the time that is left. */
import { clearLine, cursorTo } from 'node:readline';
import { styleText } from 'node:util';
import { printable } from '../../kernel/text.ts';
import { formatBytes, formatDuration } from '../../kernel/units.ts';
import type { RunEvent } from '../../workflow/events.ts';
import type { Message } from '../../workflow/step.ts';
import { Rate } from './rate.ts';

const LIVE_INTERVAL_MS = 100;
/** Where nobody watches, so that a log of cron does not fill with progress. */
const PLAIN_INTERVAL_MS = 10_000;
const BAR_WIDTH = 24;
const MAX_FINDINGS_SHOWN = 20;

export interface TerminalStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): boolean;
}

export function terminalRenderer(stream: TerminalStream & NodeJS.WritableStream, color: boolean, now: () => number) {
  const live = stream.isTTY === true;
  const paint = (format: Parameters<typeof styleText>[0], text: string) =>
    color && live ? styleText(format, text, { validateStream: false }) : text;
  let title = '';
  let rate = new Rate(now);
  let lastDrawn = 0;
  let liveShown = false;
  let findings = 0;

  const clear = () => {
    if (!liveShown) return;
    clearLine(stream, 0);
    cursorTo(stream, 0);
    liveShown = false;
  };
  const line = (text: string) => {
    clear();
    stream.write(`${text}\n`);
  };
  const progress = (message: Extract<Message, { type: 'progress' }>) => {
    rate.add(message.done, message.total);
    if (now() - lastDrawn < (live ? LIVE_INTERVAL_MS : PLAIN_INTERVAL_MS)) return;
    lastDrawn = now();
    const text = `  ${title}: ${progressText(message, rate)}`;
    if (!live) return line(text);
    clear();
    stream.write(text.slice(0, (stream.columns ?? 80) - 1));
    liveShown = true;
  };
  const said = (message: Message) => {
    if (message.type === 'progress') return progress(message);
    if (message.type === 'detail') return;
    if (message.type === 'note') return line(`  ${printable(message.text)}`);
    findings += 1;
    if (findings <= MAX_FINDINGS_SHOWN) {
      return line(paint('yellow', `  ! ${printable(message.subject)}: ${printable(message.problem)}`));
    }
    if (findings === MAX_FINDINGS_SHOWN + 1) line(paint('yellow', '  ! … and more: all are in the report of the run'));
  };

  return (event: RunEvent): void => {
    switch (event.type) {
      case 'run-started':
        return line(`${paint('bold', event.title)} (${event.resumed ? 'resuming ' : ''}run ${event.run})`);
      case 'step-started':
        title = event.title;
        rate = new Rate(now);
        lastDrawn = now();
        return event.attempt > 1 ? line(`  attempt ${event.attempt}: ${title}`) : undefined;
      case 'step-said':
        return said(event.message);
      case 'step-finished':
        return line(`${paint('green', 'ok')}  ${event.title} ${paint('dim', `(${formatDuration(event.ms)})`)}`);
      case 'step-skipped':
        return line(
          `${paint('dim', '--')}  ${event.title} (${event.reason === 'configured' ? 'skipped' : 'done before'})`,
        );
      case 'step-retried':
        return line(paint('yellow', `  ! ${printable(event.error.message)}; trying again`));
      case 'step-failed':
        return line(`${paint('red', 'failed')}  ${event.title}`);
      case 'cleanup-started':
        return undefined;
      case 'cleanup-failed':
        return line(paint('red', `  ! cleaning up (${event.cleanup}) failed: ${printable(event.error.message)}`));
      case 'run-finished':
        return line(`${event.status} after ${formatDuration(event.ms)}`);
    }
  };
}

function progressText({ done, total, unit }: Extract<Message, { type: 'progress' }>, rate: Rate): string {
  const amount = (value: number) => (unit === 'bytes' ? formatBytes(value) : String(value));
  const speed = unit === 'bytes' ? `${formatBytes(rate.perSecond)}/s` : `${Math.round(rate.perSecond)}/s`;
  if (total === undefined || total <= 0) return `${amount(done)}, ${speed}`;
  const part = Math.min(done / total, 1);
  const full = Math.round(part * BAR_WIDTH);
  const bar = `[${'#'.repeat(full)}${'.'.repeat(BAR_WIDTH - full)}]`;
  const left = rate.leftMs === undefined ? '' : `, ${formatDuration(rate.leftMs)} left`;
  return `${bar} ${Math.floor(part * 100)} %  ${amount(done)} of ${amount(total)}, ${speed}${left}`;
}
