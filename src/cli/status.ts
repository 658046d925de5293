/** What is protected and how well: out of the repository's records, the state directory and the configuration. */
import type { Config } from '../config/schema.ts';
import { asLifeboatError, type LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import { formatBytes, formatDuration, parseDuration } from '../kernel/units.ts';
import { readHostKey } from '../keys/host-key.ts';
import { type AgedPoint, type Status, STATUS_FORMAT } from '../notify/status.ts';
import type { Notices } from '../schedule/state.ts';
import { readNotices } from '../schedule/state.ts';
import { listJobs, type ListedJob } from '../schedule/list.ts';
import { knownPoints } from '../point/known.ts';
import { logIds, readLog } from '../point/logs.ts';
import { localRecords } from '../point/local-records.ts';
import { isProven, type Recovered } from '../point/point.ts';
import { isUnreadable, type Repository } from '../point/record-objects.ts';
import { cannotRead, type ListedPoint, type PointList } from '../point/records.ts';
import { timeInName } from '../kernel/ids.ts';
import { type LastRecoveries, lastRecoveries } from '../point/recoveries.ts';
import { implausible } from '../point/retention.ts';
import { openConfigured } from '../steps/repository.ts';
import { listRuns } from '../workflow/store.ts';
import { table } from './output.ts';
import { listFindings } from './points.ts';
import { hostNameOf } from './requests.ts';
import { outcomeOf } from './rescue-logs.ts';
import type { Session } from './session.ts';
import { drillRows, judgeDrills } from './status-drill.ts';

type Finding = Status['findings'][number];

/** How many runs back unfinished ones are looked for. */
const recentRuns = 20;
/** How many logs back a recovery that stopped is looked for. */
const recentLogs = 5;

/**
 * The state of this host. Whatever is not proven is a finding, and what could not be found out is one too.
 *
 * @throws LifeboatError only for what keeps anything from being said, such as an interrupt
 */
export async function statusOf(
  config: Config,
  session: Session,
  now: number,
): Promise<{ status: Status; error: LifeboatError | undefined }> {
  const { host, context, signal } = session;
  const hostName = await hostNameOf(config, host, signal);
  const findings: Finding[] = [];
  const [list, jobs, unfinishedRuns, recovery, notices] = [
    await pointsOf(config, hostName, session),
    await listJobs(config, { hostName, stateDir: context.stateDir, count: 1, now }),
    await unfinished(context.stateDir),
    codeOf(config),
    await readNotices(context.stateDir, new Date(now)),
  ];
  const error = 'damaged' in list ? undefined : list;
  const found = 'damaged' in list ? judgePoints(list, config, now) : undefined;
  if (error !== undefined) findings.push(unread(error));
  if ('damaged' in list) findings.push(...list.findings);
  if (found !== undefined) findings.push(...found.findings);
  const drills = judgeDrills('damaged' in list ? list.recoveries : undefined, config, now);
  findings.push(
    ...drills.findings,
    ...codeFindings(recovery),
    ...jobFindings(config, jobs),
    ...leftFindings(unfinishedRuns, notices),
  );
  const status: Status = {
    format: STATUS_FORMAT,
    host: hostName,
    at: new Date(now).toISOString(),
    repository: config.repository,
    green: findings.length === 0,
    ...(found === undefined ? {} : found.points),
    ...(config.rpo === undefined
      ? {}
      : { rpo: { targetSeconds: parseDuration(config.rpo) / 1000, met: found?.rpoMet ?? false } }),
    ...drills.status,
    recovery,
    jobs: jobs.map(({ name, cron, timeZone, next: [next = ''], last }) => ({
      name,
      cron,
      timeZone,
      next,
      ...(last === undefined ? {} : { last }),
    })),
    unfinishedRuns,
    findings,
  };
  return { status, error };
}

interface Read extends PointList {
  readonly findings: readonly Finding[];
  /** Absent on a host that cannot read them. */
  readonly recoveries: LastRecoveries | undefined;
}

async function pointsOf(
  config: Config,
  hostName: string,
  { context, opening, signal }: Session,
): Promise<Read | LifeboatError> {
  try {
    await using repository = await openConfigured(config, opening, signal);
    const local = localRecords(context.stateDir, repository.id, hostName);
    const list = await knownPoints(repository, hostName, local, signal);
    const ids = list.points.map(({ point }) => point.id);
    const findings = await listFindings(repository, hostName, context.stateDir, ids, signal);
    if (cannotRead(repository)) return { ...list, findings, recoveries: undefined };
    const recoveries = await lastRecoveries(repository, hostName, signal);
    const stopped = await stoppedRecovery(repository, hostName, list, recoveries.recoveries.passed, signal);
    return { ...list, findings: [...findings, ...stopped], recoveries };
  } catch (error) {
    signal.throwIfAborted();
    return asLifeboatError(error);
  }
}

/** One with nobody there to see why, since which nothing was backed up: the host may still lie there. */
async function stoppedRecovery(
  repository: Repository,
  hostName: string,
  { points }: PointList,
  recovered: Recovered | undefined,
  signal: AbortSignal,
): Promise<Finding[]> {
  const newest = points.at(-1);
  const since = Math.max(newest === undefined ? 0 : bornMs(newest), Date.parse(recovered?.at ?? '') || 0);
  const ids = (await logIds(repository, hostName, signal)).filter((id) => (timeInName(id) ?? 0) > since);
  for (const id of ids.slice(0, recentLogs)) {
    try {
      const log = await readLog(repository, hostName, id, signal);
      const outcome = outcomeOf(log);
      // A medium that was left in the machine: that was recovered.
      if (outcome === undefined || outcome.startsWith('recovered-before')) continue;
      const problem = `one that was to be done by itself was not, ${log.at}: ${outcome}`;
      return [{ subject: 'recovery', problem, hint: `See lifeboat rescue logs ${id}.` }];
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      return [{ subject: `log ${id}`, problem: error.message }];
    }
  }
  return [];
}

function unread({ message, hint }: LifeboatError): Finding {
  return { subject: 'repository', problem: `it cannot be read: ${message}`, ...(hint === undefined ? {} : { hint }) };
}

/** The newest and the newest verified point; a point whose dates cannot be right proves nothing about now. */
function judgePoints({ points, damaged }: PointList, { rpo }: Config, now: number) {
  const findings: Finding[] = damaged.map(({ key, error }) => ({ subject: key, problem: error.message }));
  const byId = new Map(points.map((item) => [item.point.id, item]));
  const plausible = points.filter((item) => {
    const createdMs = Date.parse(item.point.createdAt);
    const why = implausible({ createdMs, arrivedMs: item.arrivedMs, references: [] }, byId, now);
    if (why !== undefined) findings.push({ subject: `point ${item.point.id}`, problem: why });
    return why === undefined;
  });
  const newest = plausible.at(-1);
  const verified = plausible.findLast(({ trust }) => isProven(trust));
  if (newest === undefined) {
    findings.push({
      subject: 'points',
      problem:
        points.length === 0 ? 'there is no recovery point of this host' : 'there is none whose dates can be right',
      hint: 'Make one: lifeboat backup',
    });
  } else if (!isProven(newest.trust)) {
    const problem = newest.trust === 'damaged' ? 'the newest one is damaged' : 'the newest one was never read back';
    findings.push({ subject: `point ${newest.point.id}`, problem, hint: 'See lifeboat points list.' });
  } else if (newest.verification?.depth === 'ciphertext') {
    const problem = 'it was read back as ciphertext only: this host cannot open it';
    findings.push({ subject: `point ${newest.point.id}`, problem, hint: 'Verify it where the keys are.' });
  }
  const target = rpo === undefined ? undefined : parseDuration(rpo);
  const age = verified === undefined ? undefined : now - bornMs(verified);
  const met = target !== undefined && age !== undefined && age <= target;
  if (target === undefined) {
    const problem = 'no target says how old the newest verified point may be';
    findings.push({ subject: 'rpo', problem, hint: 'Set one in the configuration, such as: rpo: 26h' });
  } else if (!met && newest !== undefined) {
    const old =
      age === undefined ? 'there is no verified point' : `the newest verified point is ${formatDuration(age)} old`;
    findings.push({ subject: 'rpo', problem: `${old}, and the target is ${rpo}` });
  }
  return {
    findings,
    points: {
      points: points.length,
      ...(newest === undefined ? {} : { newest: aged(newest, now) }),
      ...(verified === undefined ? {} : { newestVerified: aged(verified, now) }),
    },
    rpoMet: met,
  };
}

/** What was made earlier than it arrived is as old as that: its arrival can be changed in the storage. */
function bornMs({ point, arrivedMs }: ListedPoint): number {
  return Math.min(arrivedMs, Date.parse(point.createdAt));
}

function aged(listed: ListedPoint, now: number): AgedPoint {
  const { point, arrivedMs, trust } = listed;
  return {
    id: point.id,
    createdAt: point.createdAt,
    arrivedAt: new Date(arrivedMs).toISOString(),
    ageSeconds: Math.max(0, Math.round((now - bornMs(listed)) / 1000)),
    trust,
    bytes: point.data.bytes,
    storedBytes: point.data.storedBytes,
  };
}

function codeOf({ key }: Config): Status['recovery'] {
  if (key === undefined) return 'no-key';
  try {
    return readHostKey(key).proven === undefined ? 'unproven' : 'proven';
  } catch {
    // Why the key cannot be read is said where the repository is opened with it.
    return 'unproven';
  }
}

function codeFindings(code: Status['recovery']): Finding[] {
  if (code !== 'unproven') return [];
  const problem = 'nobody has proven that it was noted and opens the repository';
  return [{ subject: 'recovery code', problem, hint: 'lifeboat key check' }];
}

const installHint = 'lifeboat schedule install, or see systemctl status lifeboat-schedule.';

function jobFindings({ schedule }: Config, jobs: readonly ListedJob[]): Finding[] {
  const none = { subject: 'schedule', problem: 'no backup is scheduled', hint: 'See docs/schedules.md.' };
  const bad = jobs.flatMap(({ name, last }): Finding[] => {
    if (last === undefined || last.outcome === 'running' || last.outcome === 'done') return [];
    const what = { missed: 'was missed', overlapped: 'was left out', difference: 'found that the host has changed' };
    const told = Object.entries(what).find(([outcome]) => outcome === last.outcome)?.[1] ?? `ended as ${last.outcome}`;
    const problem = `its last run ${told}${last.problem === undefined ? '' : `: ${last.problem}`}`;
    const hint = last.run === undefined ? undefined : `lifeboat runs show ${last.run}`;
    return [{ subject: `job ${name}`, problem, ...(hint === undefined ? {} : { hint }) }];
  });
  // While one runs, the others wait for it.
  const unattended = jobs.some(({ last, unattended: problem }) => last?.outcome === 'running' && problem === undefined)
    ? []
    : jobs.flatMap(({ name, unattended: problem }) =>
        problem === undefined ? [] : [{ subject: `job ${name}`, problem, hint: installHint }],
      );
  return [...(schedule?.backup === undefined ? [none] : []), ...bad, ...unattended];
}

function leftFindings(runs: readonly string[], { unsent }: Notices): Finding[] {
  return [
    ...runs.map((id) => ({
      subject: `run ${id}`,
      problem: 'it was left unfinished',
      hint: `lifeboat runs show ${id} says how to go on with it, or to clean up after it`,
    })),
    ...unsent.map((problem) => ({ subject: 'notice', problem: `it did not get through: ${problem}` })),
  ];
}

async function unfinished(stateDir: string): Promise<string[]> {
  const runs = (await listRuns(stateDir)).slice(0, recentRuns);
  return runs.flatMap((run) =>
    'status' in run && (run.status === 'killed' || run.owed.length > 0) && run.status !== 'running' ? [run.id] : [],
  );
}

export function statusText(status: Status): string {
  const { newest, newestVerified, rpo, jobs, findings, points, recovery } = status;
  const shown = (point: AgedPoint | undefined) =>
    point === undefined
      ? points === undefined
        ? 'not known'
        : 'none'
      : `${point.id}, ${formatDuration(point.ageSeconds * 1000)} old, ${formatBytes(point.bytes)} of files, ${formatBytes(point.storedBytes)} stored`;
  const target =
    rpo === undefined ? 'none set' : `${formatDuration(rpo.targetSeconds * 1000)}: ${rpo.met ? 'met' : 'NOT met'}`;
  const rows = [
    ['repository', status.repository],
    ['points', points === undefined ? 'not known' : String(points)],
    ['newest', shown(newest)],
    ['newest verified', shown(newestVerified)],
    ['target (RPO)', target],
    ['recovery code', recovery === 'no-key' ? 'none: nothing is encrypted' : recovery],
    ...drillRows(status),
  ];
  const jobRows = jobs.map(({ name, next, last }) => [
    name,
    next,
    last?.outcome ?? 'never ran',
    last?.endedAt ?? last?.startedAt ?? '',
  ]);
  return [
    `${printable(status.host)}: ${status.green ? 'protected, and everything is proven' : 'NOT everything is proven'}`,
    '',
    table(['', ''], rows).trimStart(),
    ...(jobRows.length === 0 ? [] : ['', table(['job', 'next run', 'last', 'ended'], jobRows)]),
    ...(findings.length === 0 ? [] : ['', 'Findings']),
    ...findings.flatMap(({ subject, problem, hint }) => [
      `  ! ${printable(subject)}: ${printable(problem)}`,
      ...(hint === undefined ? [] : [`    next: ${printable(hint)}`]),
    ]),
  ].join('\n');
}
