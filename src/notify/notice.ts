/** A notice: what somebody has to know although nobody asked. The same for every channel. */
import { redact } from '../kernel/secret.ts';
import { printable } from '../kernel/text.ts';
import { formatDuration } from '../kernel/units.ts';

/**
 * - `failed`: a job ended without what it was for;
 * - `incomplete`: it ended, and something was skipped or unverified;
 * - `drift`: the host is not as its newest point has it;
 * - `silent`: no verified point within the RPO, for whatever reason;
 * - `undrilled`: no drill has passed for as long as one may be away, for whatever reason;
 * - `recovered`: the first good end after one of these.
 */
export type NoticeEvent = 'failed' | 'incomplete' | 'drift' | 'silent' | 'undrilled' | 'recovered';

export interface Notice {
  readonly format: 'lifeboat.notice/1';
  readonly event: NoticeEvent;
  readonly host: string;
  readonly at: string;
  readonly job?: string;
  readonly run?: string;
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
  readonly findings: readonly { readonly subject: string; readonly problem: string }[];
  /** What has changed on the host since the point that was just made, or since the newest. */
  readonly drift: readonly string[];
  /** `null`: there is none. Absent: not known. */
  readonly newestVerified?: { readonly id: string; readonly ageSeconds: number } | null;
  readonly rpoSeconds?: number;
  /** Of `undrilled`: how old the last drill that passed may be, and is; `null`: there is none. */
  readonly drill?: { readonly everySeconds: number; readonly ageSeconds: number | null };
  /** The reader's next step. */
  readonly next: string;
  /** Earlier notices that did not get through. */
  readonly unsent: readonly string[];
}

const maxListed = 10;

/** One line. */
export function noticeSubject({ event, host, job, error, newestVerified, rpoSeconds, drill }: Notice): string {
  const what = job ?? 'backup';
  const name = printable(host);
  switch (event) {
    case 'failed':
      return `lifeboat on ${name}: ${what} failed${error === undefined ? '' : `: ${oneLine(error.message)}`}`;
    case 'incomplete':
      return `lifeboat on ${name}: ${what} is incomplete`;
    case 'drift':
      return `lifeboat on ${name}: the host has changed since its newest point`;
    case 'silent':
      return `lifeboat on ${name}: no verified point ${
        newestVerified ? `for ${age(newestVerified.ageSeconds)}` : 'at all'
      }${rpoSeconds === undefined ? '' : `, the target is ${age(rpoSeconds)}`}`;
    case 'undrilled':
      return `lifeboat on ${name}: no drill has passed ${
        typeof drill?.ageSeconds === 'number' ? `for ${age(drill.ageSeconds)}` : 'at all'
      }${drill === undefined ? '' : `, the target is ${age(drill.everySeconds)}`}`;
    case 'recovered':
      return `lifeboat on ${name}: ${what} is well again`;
  }
}

/** For a person; the subject is not repeated in it. */
export function noticeText(notice: Notice): string {
  const { host, at, job, run, error, findings, drift, newestVerified, next, unsent } = notice;
  const listed = (title: string, lines: readonly string[]) => [
    ...(lines.length === 0 ? [] : ['', title]),
    ...lines.slice(0, maxListed).map((line) => `  ${printable(line)}`),
    ...(lines.length > maxListed ? [`  … and ${lines.length - maxListed} more`] : []),
  ];
  const verified =
    newestVerified === undefined
      ? []
      : newestVerified === null
        ? ['No verified point: nothing here is known to be recoverable.']
        : [`Newest verified point: ${newestVerified.id}, ${age(newestVerified.ageSeconds)} old`];
  return [
    `Host: ${printable(host)}`,
    `Time: ${at}`,
    ...(job === undefined ? [] : [`Job: ${job}`]),
    ...(run === undefined ? [] : [`Run: ${run}`]),
    ...(error === undefined ? [] : [`Error: ${printableLines(error.message)}`]),
    ...(error?.hint === undefined ? [] : [`  next: ${printableLines(error.hint)}`]),
    ...verified,
    ...listed(
      'Findings:',
      findings.map(({ subject, problem }) => `${subject}: ${problem}`),
    ),
    ...listed('Changed on the host:', drift),
    ...listed('Earlier notices that did not get through:', unsent),
    '',
    `Next: ${next}`,
  ].join('\n');
}

/** As programs get it: with subject and text, under the key that chat services read, and without secrets. */
export function noticeDocument(notice: Notice): string {
  const subject = noticeSubject(notice);
  return JSON.stringify(redact({ ...notice, subject, text: `${subject}\n${noticeText(notice)}` }));
}

function printableLines(text: string): string {
  return text
    .split('\n')
    .map((line) => printable(line))
    .join('\n    ');
}

function oneLine(text: string): string {
  const [first = ''] = text.split('\n');
  const line = printable(first);
  return line.length > 120 ? `${line.slice(0, 120)}…` : line;
}

function age(seconds: number): string {
  return formatDuration(Math.max(0, seconds) * 1000);
}
