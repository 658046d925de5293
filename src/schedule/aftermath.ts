/** What follows the end of a job, and what is looked at in between: drift, metrics, notices, silence. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Config } from '../config/schema.ts';
import { asLifeboatError, type LifeboatError } from '../kernel/errors.ts';
import { redactText } from '../kernel/secret.ts';
import { parseDuration } from '../kernel/units.ts';
import { limited } from '../kernel/wait.ts';
import { type Notice, type NoticeEvent, noticeSubject } from '../notify/notice.ts';
import { writeMetrics } from '../notify/prometheus.ts';
import { type Channels, sendNotice } from '../notify/send.ts';
import { type Status, statusSchema } from '../notify/status.ts';
import type { Attended, Surroundings } from './run.ts';
import type { JobName } from '../config/schedule.ts';
import { runSelf } from './self.ts';
import { makeScheduleDirectory, type Notices, readNotices, writeNotices } from './state.ts';

const checkLimitMs = 30 * 60_000;
const statusLimitMs = 15 * 60_000;
const maxUnsent = 20;
const silenceEveryMs = 30 * 60_000;

export interface Watch extends Surroundings {
  readonly config: Config;
  readonly hostName: string;
  readonly channels: Omit<Channels, 'notify'>;
}

const change = z.object({ text: z.string() });
const checkSchema = z.object({
  layout: z.array(change).default([]),
  network: z.array(change).default([]),
  facts: z.array(change).default([]),
});

/** After a run: what has changed on the host, the state of it all, and who has to be told. */
export async function afterJob(
  job: JobName,
  { end, result }: Extract<Attended, { type: 'ended' }>,
  watch: Watch,
  signal: AbortSignal,
): Promise<void> {
  const fine = end.outcome === 'done' || end.outcome === 'incomplete' || end.outcome === 'difference';
  const drift =
    job === 'check' ? driftIn(result?.document) : job === 'backup' && fine ? await driftNow(watch, signal) : [];
  const status = await look(watch, signal);
  await oneAtATime(async () => {
    await judgeEnd(job, { end, result, drift }, status, watch, signal);
    await judgeSilence(status, watch, signal);
  });
}

let turn: Promise<unknown> = Promise.resolve();

/** What is on record of notices is read, changed and written by one at a time. */
function oneAtATime(work: () => Promise<void>): Promise<void> {
  const mine = turn.then(work);
  turn = mine.catch(() => {});
  return mine;
}

async function judgeEnd(
  job: JobName,
  { end, result, drift }: Omit<Extract<Attended, { type: 'ended' }>, 'type'> & { readonly drift: readonly string[] },
  status: Status | undefined,
  watch: Watch,
  signal: AbortSignal,
): Promise<void> {
  const notices = await readNotices(watch.self.stateDir, new Date(watch.now()));
  const findings = result?.run?.findings ?? [];
  const news = newsOf(job, end.outcome, { findings, drift }, notices);
  if (news !== undefined) {
    const { event, told, open } = news;
    const about = {
      event,
      job,
      ...(end.run === undefined ? {} : { run: end.run }),
      ...(event === 'recovered' ? {} : errorOf(end, result)),
      findings,
      drift,
      next: nextStep(event, end.run),
    };
    await tell(about, { ...notices, told, open }, status, watch, signal);
  }
}

interface News {
  readonly event: NoticeEvent;
  readonly told: Notices['told'];
  readonly open: Notices['open'];
}

/**
 * What of an end is worth a notice. Failures always are. Findings and drift are told when they are not those that were told
 * last, or nobody would read the notice of the night that matters. A good end is, after a bad one.
 */
export function newsOf(
  job: JobName,
  outcome: string,
  seen: { readonly findings: Notice['findings']; readonly drift: readonly string[] },
  { open, told }: Pick<Notices, 'open' | 'told'>,
): News | undefined {
  const { [job]: before, ...others } = told;
  const rest = open.filter((name) => name !== job);
  if (outcome === 'failed' || outcome === 'killed') return { event: 'failed', told: others, open: [...rest, job] };
  if (outcome === 'incomplete' || outcome === 'difference') {
    const digest = createHash('sha256')
      .update(JSON.stringify([outcome, seen]))
      .digest('hex')
      .slice(0, 16);
    if (digest === before) return undefined;
    const event = outcome === 'incomplete' ? 'incomplete' : 'drift';
    return { event, told: { ...others, [job]: digest }, open: rest.concat(job) };
  }
  if (outcome === 'done' && open.includes(job)) return { event: 'recovered', told: others, open: rest };
  return undefined;
}

function errorOf(
  { problem }: { readonly problem?: string | undefined },
  result: Extract<Attended, { type: 'ended' }>['result'],
): Pick<Notice, 'error'> {
  if (result?.error !== undefined) {
    const { code, message, hint } = result.error;
    return { error: { code, message, ...(hint === undefined ? {} : { hint }) } };
  }
  return problem === undefined ? {} : { error: { code: 'failed', message: problem } };
}

function nextStep(event: NoticeEvent, run: string | undefined): string {
  if (event === 'recovered') return 'Nothing.';
  if (event === 'drift') return 'See lifeboat check; a new backup takes the changes up.';
  return run === undefined
    ? 'See lifeboat status and the log of the scheduler.'
    : `See lifeboat runs show ${run} and lifeboat status.`;
}

function driftIn(document: unknown): string[] {
  const found = checkSchema.safeParse(document);
  if (!found.success) return [];
  return [found.data.layout, found.data.network, found.data.facts].flat().map(({ text }) => text);
}

/** What has changed since the point that was just made. That it cannot be found out is said, and fails nothing. */
async function driftNow({ self, say }: Watch, signal: AbortSignal): Promise<string[]> {
  using limit = limited(signal, checkLimitMs, () => asLifeboatError(new Error('lifeboat check did not end in time')));
  try {
    const { code, document, error } = await runSelf(self, ['check'], limit.signal);
    if (code !== 0 && code !== 3) say(`check after the backup: ${error?.message ?? `exit status ${code}`}`);
    return driftIn(document);
  } catch (error) {
    signal.throwIfAborted();
    say(`check after the backup: ${asLifeboatError(error).message}`);
    return [];
  }
}

/**
 * Asks for the state of the host and writes the metrics.
 *
 * @returns `undefined` where it could not be found out, which is said
 */
async function look({ self, config, say }: Watch, signal: AbortSignal): Promise<Status | undefined> {
  using limit = limited(signal, statusLimitMs, () => asLifeboatError(new Error('lifeboat status did not end in time')));
  try {
    const { document, error } = await runSelf(self, ['status'], limit.signal);
    const found = statusSchema.safeParse(document);
    if (!found.success) {
      say(`status: ${error?.message ?? 'it printed nothing that can be read'}`);
      return undefined;
    }
    await measure(found.data, config, say);
    return found.data;
  } catch (error) {
    signal.throwIfAborted();
    say(`status: ${asLifeboatError(error).message}`);
    return undefined;
  }
}

/** Metrics that cannot be written are said, and keep nobody from being told what they would have shown. */
async function measure(status: Status, { notify }: Config, say: Watch['say']): Promise<void> {
  if (notify?.prometheus === undefined) return;
  try {
    await writeMetrics(notify.prometheus, status);
  } catch (error) {
    say(`metrics: ${asLifeboatError(error).message}`);
  }
}

/** {@link watchSilence} where the state is known already. */
export async function heedStatus(status: Status, watch: Watch, signal: AbortSignal): Promise<void> {
  await measure(status, watch.config, watch.say);
  await makeScheduleDirectory(watch.self.stateDir);
  await oneAtATime(() => judgeSilence(status, watch, signal));
}

/**
 * Tells of what keeps the scheduler itself from its work, such as a full disk under its state directory: so nothing is put
 * on record of it.
 */
export async function tellTrouble(
  what: string,
  error: LifeboatError,
  { config, channels, hostName, now, say }: Watch,
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

/** Whether it is time to look for silence again, also when the clock was set back. */
export async function silenceIsDue({ self, now }: Watch): Promise<boolean> {
  const { lookedAt } = await readNotices(self.stateDir, new Date(now()));
  return lookedAt === undefined || Math.abs(now() - Date.parse(lookedAt)) >= silenceEveryMs;
}

/** Looks whether there is a verified point within the RPO, and says so when there is none, also when nothing ever ran. */
export async function watchSilence(watch: Watch, signal: AbortSignal): Promise<void> {
  const status = await look(watch, signal);
  await makeScheduleDirectory(watch.self.stateDir);
  await oneAtATime(() => judgeSilence(status, watch, signal));
}

/** @param status of this moment; `undefined` where it could not be found out */
async function judgeSilence(status: Status | undefined, watch: Watch, signal: AbortSignal): Promise<void> {
  const { config, self, now } = watch;
  const notices = await readNotices(self.stateDir, new Date(now()));
  const remembered = rememberedOf(status, notices);
  const next: Notices = {
    ...withoutVerified(notices),
    ...(remembered === undefined ? {} : { lastVerified: remembered }),
    lookedAt: new Date(now()).toISOString(),
  };
  const silence = config.rpo === undefined ? undefined : silenceOf(next, parseDuration(config.rpo), now());
  const readable = status?.points !== undefined;
  if (silence === 'begun' || silence === 'still') {
    const problem = status === undefined || readable ? undefined : status.findings[0];
    const told = { ...next, silentToldAt: new Date(now()).toISOString() };
    const error = problem === undefined ? {} : { error: { code: 'failed', message: problem.problem } };
    await tell({ event: 'silent', ...error, findings: [], drift: [], next: silentNext }, told, status, watch, signal);
  } else if (silence === 'over') {
    const { silentToldAt: _told, ...over } = next;
    await tell({ event: 'recovered', findings: [], drift: [], next: 'Nothing.' }, over, status, watch, signal);
  } else await writeNotices(self.stateDir, next);
}

const silentNext =
  'See lifeboat status, and lifeboat schedule list for when the next backup is due; lifeboat backup makes one now.';

function rememberedOf(status: Status | undefined, { lastVerified }: Notices): Notices['lastVerified'] {
  if (status?.points === undefined) return lastVerified;
  const { newestVerified } = status;
  return newestVerified === undefined ? undefined : { id: newestVerified.id, arrivedAt: newestVerified.arrivedAt };
}

function withoutVerified({ lastVerified: _last, ...rest }: Notices): Notices {
  return rest;
}

/**
 * Silence counts from the newest verified point, and before there is any from when somebody began to look. It is told again
 * after each further RPO.
 */
export function silenceOf(
  { since, lastVerified, silentToldAt }: Pick<Notices, 'since' | 'lastVerified' | 'silentToldAt'>,
  rpoMs: number,
  now: number,
): 'begun' | 'still' | 'over' | undefined {
  const silent = now - Date.parse(lastVerified?.arrivedAt ?? since) > rpoMs;
  if (!silent) return silentToldAt === undefined ? undefined : 'over';
  if (silentToldAt === undefined) return 'begun';
  const told = now - Date.parse(silentToldAt);
  // A clock that was set back says nothing about when it was told.
  return told > Math.max(rpoMs, 3_600_000) || told < 0 ? 'still' : undefined;
}

type Told = Pick<Notice, 'event' | 'findings' | 'drift' | 'next'> & Partial<Pick<Notice, 'job' | 'run' | 'error'>>;

/** Sends by all channels and puts on record what became of it: what did not get through is in the next notice. */
async function tell(
  news: Told,
  notices: Notices,
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
    unsent: notices.unsent,
  };
  const subject = redactText(noticeSubject(notice));
  say(`notice: ${subject}`);
  const deliveries = await sendNotice({ ...channels, notify: config.notify }, notice, signal);
  const lost = deliveries.flatMap(({ channel, error }) => (error === undefined ? [] : [{ channel, error }]));
  for (const { channel, error } of lost) {
    const hint = error.hint === undefined ? '' : ` ${error.hint}`;
    say(`notice: not sent by ${channel}: ${error.message}.${hint}`);
  }
  if (deliveries.length === 0) say('notice: nobody is told, as no channel is configured (notify)');
  const through = deliveries.some(({ error }) => error === undefined);
  const missed = lost.map(({ channel, error }) => `${notice.at} ${notice.event}, by ${channel}: ${error.message}`);
  const unsent = [...(through ? [] : notices.unsent), ...missed].slice(-maxUnsent).map((line) => redactText(line));
  await writeNotices(self.stateDir, { ...notices, unsent });
}
