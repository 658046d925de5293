/** What follows the end of a job, and what is looked at in between: drift, metrics, notices, silence. */
import { z } from 'zod';
import type { Config } from '../config/schema.ts';
import { asLifeboatError } from '../kernel/errors.ts';
import { parseDuration } from '../kernel/units.ts';
import { limited } from '../kernel/wait.ts';
import type { Notice, NoticeEvent } from '../notify/notice.ts';
import { writeMetrics } from '../notify/prometheus.ts';
import { type Status, statusSchema } from '../notify/status.ts';
import { judgeDrills } from './drills.ts';
import type { Attended } from './run.ts';
import type { JobName } from '../config/schedule.ts';
import { runSelf } from './self.ts';
import { type Notices, readNotices, writeNotices } from './state.ts';
import { silenceOf } from './silence.ts';
import { digestOf, oneAtATime, tell, type Watch } from './telling.ts';

const checkLimitMs = 30 * 60_000;
const statusLimitMs = 15 * 60_000;
const silenceEveryMs = 30 * 60_000;

const change = z.object({ text: z.string() });
const checkSchema = z.object({
  layout: z.array(change).default([]),
  network: z.array(change).default([]),
  facts: z.array(change).default([]),
  medium: z.object({ stale: z.array(change) }).default({ stale: [] }),
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
  await oneAtATime(watch, signal, async () => {
    await judgeEnd(job, { end, result, drift }, status, watch, signal);
    await judgeSilence(status, watch, signal);
    await judgeDrills(status, watch, signal);
  });
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
  const { error } = errorOf(end, result);
  const day = new Date(watch.now()).toISOString().slice(0, 10);
  const news = newsOf(job, end.outcome, { findings, drift, failure: [day, error?.code, error?.message] }, notices);
  if (news !== undefined) {
    const { event, told, open } = news;
    const about = {
      event,
      job,
      ...(end.run === undefined ? {} : { run: end.run }),
      ...(event === 'recovered' || error === undefined ? {} : { error }),
      findings,
      drift,
      next: nextStep(event, end.run),
    };
    await tell(about, { before: notices, after: { ...notices, told, open } }, status, watch, signal);
  }
}

const badEvents = new Map<string, NoticeEvent>([
  ['failed', 'failed'],
  ['killed', 'failed'],
  ['incomplete', 'incomplete'],
  ['difference', 'drift'],
]);

interface News {
  readonly event: NoticeEvent;
  readonly told: Notices['told'];
  readonly open: Notices['open'];
}

/**
 * What of an end is worth a notice. A failure is, the same one once a day: a check every quarter of an hour is no reason for as
 * many notices. Findings and drift are when they are not those that were told last, or nobody would read the notice of the
 * night that matters. A good end is, after a bad one.
 *
 * @param seen `failure`: the day, and what tells one failure from another
 */
export function newsOf(
  job: JobName,
  outcome: string,
  {
    failure,
    ...seen
  }: {
    readonly findings: Notice['findings'];
    readonly drift: readonly string[];
    readonly failure: readonly (string | undefined)[];
  },
  { open, told }: Pick<Notices, 'open' | 'told'>,
): News | undefined {
  const { [job]: before, ...others } = told;
  const rest = open.filter((name) => name !== job);
  const event = badEvents.get(outcome);
  if (event !== undefined) {
    const digest = digestOf([outcome, event === 'failed' ? failure : seen]);
    if (digest === before) return undefined;
    return { event, told: { ...others, [job]: digest }, open: [...rest, job] };
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
  const { layout, network, facts, medium } = found.data;
  const stale = medium.stale.map(({ text }) => `rescue medium: ${text}`);
  return [...[layout, network, facts].flat().map(({ text }) => text), ...stale];
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
  await oneAtATime(watch, signal, async () => {
    await judgeSilence(status, watch, signal);
    await judgeDrills(status, watch, signal);
  });
}

/** Whether it is time to look for silence again, also when the clock was set back. */
export async function silenceIsDue({ self, now }: Watch): Promise<boolean> {
  const { lookedAt } = await readNotices(self.stateDir, new Date(now()));
  return lookedAt === undefined || Math.abs(now() - Date.parse(lookedAt)) >= silenceEveryMs;
}

/** Looks whether there is a verified point within the RPO, and says so when there is none, also when nothing ever ran. */
export async function watchSilence(watch: Watch, signal: AbortSignal): Promise<void> {
  const status = await look(watch, signal);
  await oneAtATime(watch, signal, async () => {
    await judgeSilence(status, watch, signal);
    await judgeDrills(status, watch, signal);
  });
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
  const heard = { since: next.since, at: next.lastVerified?.arrivedAt, toldAt: next.silentToldAt };
  const silence = config.rpo === undefined ? undefined : silenceOf(heard, parseDuration(config.rpo), now());
  const readable = status?.points !== undefined;
  if (silence === 'begun' || silence === 'still') {
    const problem = status === undefined || readable ? undefined : status.findings[0];
    const told = { ...next, silentToldAt: new Date(now()).toISOString() };
    const error = problem === undefined ? {} : { error: { code: 'failed', message: problem.problem } };
    const silent = { event: 'silent', ...error, findings: [], drift: [], next: silentNext } as const;
    await tell(silent, { before: next, after: told }, status, watch, signal);
  } else if (silence === 'over') {
    const { silentToldAt: _told, ...over } = next;
    const well = { event: 'recovered', findings: [], drift: [], next: 'Nothing.' } as const;
    await tell(well, { before: next, after: over }, status, watch, signal);
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
