/** What `schedule list` and `schedule run` do and print. */
import { resolve } from 'node:path';
import { loadConfig, readNotify } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import { formatDuration } from '../kernel/units.ts';
import { serviceManager } from '../host/service-manager.ts';
import type { ListedJob } from '../schedule/list.ts';
import { runDue, runScheduler } from '../schedule/scheduler.ts';
import type { Globals } from './globals.ts';
import { printResult, table } from './output.ts';
import { openSession, type Session } from './session.ts';
import { sayLine, tellingOf, watchOf } from './watching.ts';
import { tellNoStart } from '../schedule/telling.ts';

/** @throws LifeboatError `usage` */
export function countOf(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 1000) return count;
  throw new LifeboatError('usage', `not a count from 1 to 1000: ${JSON.stringify(text)}`);
}

export function jobsText(jobs: readonly ListedJob[], now: number): string {
  if (jobs.length === 0) return 'Nothing is scheduled. See "schedule:" in the configuration, and docs/schedules.md.';
  const rows = jobs.flatMap(({ name, cron, next, nextLocal, last }) =>
    nextLocal.map((local, index) => [
      index === 0 ? name : '',
      index === 0 ? cron : '',
      local,
      `in ${formatDuration(Math.max(0, Date.parse(next[index] ?? '') - now))}`,
      index === 0 ? lastText(last) : '',
    ]),
  );
  return table(['job', 'cron', 'next runs', '', 'last run'], rows);
}

function lastText(last: ListedJob['last']): string {
  if (last === undefined) return 'never';
  const problem = last.problem === undefined ? '' : `: ${printable(last.problem.split('\n')[0] ?? '')}`;
  return `${last.outcome} ${last.endedAt ?? last.startedAt}${problem}`;
}

/** The scheduler in the foreground. That it is stopped is how it ends well. */
export async function runForever(globals: Globals): Promise<void> {
  const say = saying(globals);
  const manager = serviceManager(process.env, say);
  // Programs that are started must not speak to the manager in our name.
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete process.env[name];
  await using session = openSession(globals);
  const load = () => loadConfig(resolve(globals.config));
  const watch = watchOf(await firstConfig(session, say), session, say);
  try {
    await runScheduler({ ...watch, loadConfig: load, manager }, session.signal);
  } catch (error) {
    if (!session.signal.aborted) throw error;
    say(asLifeboatError(error).message);
  }
}

/** @throws LifeboatError `config-invalid`, after those were told whom the file names all the same */
async function firstConfig(session: Session, say: (text: string) => void): Promise<Config> {
  const path = resolve(session.globals.config);
  try {
    return await loadConfig(path);
  } catch (error) {
    const telling = tellingOf(await readNotify(path), session, say);
    try {
      await tellNoStart('the start of the scheduler', asLifeboatError(error), telling, session.signal);
    } catch (lost) {
      say(`the start of the scheduler: ${asLifeboatError(lost).message}`);
    }
    throw error;
  }
}

/** Exit status 1 when something that was due failed, so that whatever called it says so too. */
export async function runDueCommand(globals: Globals): Promise<void> {
  await using session = openSession(globals);
  const say = saying(globals);
  const watch = watchOf(await firstConfig(session, say), session, say);
  const ended = await runDue(watch, session.signal);
  if (globals.json || ended.length > 0) {
    printResult(globals.json, { format: 'lifeboat.due/1', ended }, () =>
      ended.map(({ job, outcome }) => `${job}: ${outcome}`).join('\n'),
    );
  }
  if (ended.some(({ outcome }) => outcome === 'failed' || outcome === 'killed')) process.exitCode = 1;
}

function saying({ quiet }: Globals): (text: string) => void {
  return quiet ? () => {} : sayLine;
}
