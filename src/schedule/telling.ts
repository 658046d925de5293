/** Telling somebody, and what is on record of it. */
import { createHash } from 'node:crypto';
import type { Config } from '../config/schema.ts';
import { lockFile } from '../host/file-lock.ts';
import type { LifeboatError } from '../kernel/errors.ts';
import { redactText } from '../kernel/secret.ts';
import { parseDuration } from '../kernel/units.ts';
import { sleep } from '../kernel/wait.ts';
import { type Notice, noticeSubject } from '../notify/notice.ts';
import { type Channels, sendNotice } from '../notify/send.ts';
import type { Status } from '../notify/status.ts';
import type { Surroundings } from './run.ts';
import { makeScheduleDirectory, type Notices, noticesLock, readNotices, writeNotices } from './state.ts';

const maxUnsent = 20;
const lockPollMs = 100;

export interface Watch extends Surroundings {
  readonly config: Config;
  readonly hostName: string;
  readonly channels: Omit<Channels, 'notify'>;
}

/** What can tell although the configuration as a whole cannot be used. */
export interface Telling extends Omit<Watch, 'config'> {
  readonly config: Pick<Config, 'notify'>;
}

/** What is on record of notices is read, changed and written by one at a time, of all processes of this machine. */
export async function oneAtATime(
  { self }: Pick<Watch, 'self'>,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  await makeScheduleDirectory(self.stateDir);
  for (;;) {
    await using lock = await lockFile(noticesLock(self.stateDir));
    if (lock !== undefined) return await work();
    await sleep(lockPollMs, signal);
  }
}

/**
 * Tells of what keeps the scheduler itself from its work, such as a full disk under its state directory: so nothing is put
 * on record of it.
 */
export async function tellTrouble(
  what: string,
  error: LifeboatError,
  { config, channels, hostName, now, say }: Telling,
  signal: AbortSignal,
): Promise<void> {
  const { code, message, hint } = error;
  const notice: Notice = {
    format: 'lifeboat.notice/1',
    event: 'failed',
    host: hostName,
    at: new Date(now()).toISOString(),
    job: what,
    error: { code, message, ...(hint === undefined ? {} : { hint }) },
    findings: [],
    drift: [],
    next: 'See the log of the scheduler. It goes on trying.',
    unsent: [],
  };
  for (const { channel, error: lost } of await sendNotice({ ...channels, notify: config.notify }, notice, signal)) {
    if (lost !== undefined) say(`notice: not sent by ${channel}: ${lost.message}`);
  }
}

/**
 * {@link tellTrouble} of what keeps the scheduler from its start, the same once a day: whoever starts it again each minute does not
 * want to be told each minute.
 */
export async function tellNoStart(
  what: string,
  error: LifeboatError,
  telling: Telling,
  signal: AbortSignal,
): Promise<void> {
  const { self, now } = telling;
  await oneAtATime(telling, signal, async () => {
    const at = new Date(now());
    const notices = await readNotices(self.stateDir, at);
    const digest = digestOf([at.toISOString().slice(0, 10), error.code, error.message]);
    if (notices.told[what] === digest) return;
    await writeNotices(self.stateDir, { ...notices, told: { ...notices.told, [what]: digest } });
    await tellTrouble(what, error, telling, signal);
  });
}

/** Tells one thing that was told from another. */
export function digestOf(what: unknown): string {
  return createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 16);
}

type Told = Pick<Notice, 'event' | 'findings' | 'drift' | 'next'> &
  Partial<Pick<Notice, 'job' | 'run' | 'error' | 'drill'>>;

/**
 * Sends by all channels and puts on record what became of it: what did not get through is in the next notice. On record first,
 * so that a disk that is full does not let the same be told again and again. What got through nowhere counts as not told.
 *
 * @param notices what is on record, without this notice and with it
 */
export async function tell(
  news: Told,
  { before, after }: { readonly before: Notices; readonly after: Notices },
  status: Status | undefined,
  { config, channels, hostName, self, now, say }: Watch,
  signal: AbortSignal,
): Promise<void> {
  const verified = status?.newestVerified;
  const notice: Notice = {
    format: 'lifeboat.notice/1',
    host: hostName,
    at: new Date(now()).toISOString(),
    ...news,
    ...(status?.points === undefined
      ? {}
      : { newestVerified: verified === undefined ? null : { id: verified.id, ageSeconds: verified.ageSeconds } }),
    ...(config.rpo === undefined ? {} : { rpoSeconds: parseDuration(config.rpo) / 1000 }),
    unsent: before.unsent,
  };
  const subject = redactText(noticeSubject(notice));
  say(`notice: ${subject}`);
  const unknown = `${notice.at} ${notice.event}: it is not known whether it got through`;
  await writeNotices(self.stateDir, { ...after, unsent: [...before.unsent, unknown].slice(-maxUnsent) });
  const deliveries = await sendNotice({ ...channels, notify: config.notify }, notice, signal);
  const lost = deliveries.flatMap(({ channel, error }) => (error === undefined ? [] : [{ channel, error }]));
  for (const { channel, error } of lost) {
    const hint = error.hint === undefined ? '' : ` ${error.hint}`;
    say(`notice: not sent by ${channel}: ${error.message}.${hint}`);
  }
  if (deliveries.length === 0) say('notice: nobody is told, as no channel is configured (notify)');
  const through = deliveries.some(({ error }) => error === undefined);
  const missed = lost.map(({ channel, error }) => `${notice.at} ${notice.event}, by ${channel}: ${error.message}`);
  const unsent = [...(through ? [] : before.unsent), ...missed].slice(-maxUnsent).map((line) => redactText(line));
  await writeNotices(self.stateDir, { ...(through || deliveries.length === 0 ? after : before), unsent });
}
