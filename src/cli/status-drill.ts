/** What `lifeboat status` says of drills: how the last one went, and whether it is as young and as quick as it should be. */
import type { Config } from '../config/schema.ts';
import { present } from '../kernel/present.ts';
import { formatDuration, parseDuration } from '../kernel/units.ts';
import type { LastDrill, Status } from '../notify/status.ts';
import type { Recovered } from '../point/point.ts';
import type { LastRecoveries } from '../point/recoveries.ts';

type DrillStatus = Pick<
  Status,
  'lastDrill' | 'lastPassedDrill' | 'lastFilesDrill' | 'lastPassedFilesDrill' | 'lastRecovery' | 'drill' | 'rto'
>;

const none: LastRecoveries = { recoveries: {}, drills: {}, files: {} };

/** @param recoveries `undefined` where nobody could read of them */
export function judgeDrills(
  recoveries: LastRecoveries | undefined,
  { drill, rto, schedule }: Pick<Config, 'drill' | 'rto' | 'schedule'>,
  now: number,
): { readonly status: DrillStatus; readonly findings: Status['findings'] } {
  const seen = recoveries ?? none;
  const every = drill?.every === undefined ? undefined : parseDuration(drill.every) / 1000;
  const target = rto === undefined ? undefined : parseDuration(rto) / 1000;
  const machine = latest([seen.drills.passed, seen.recoveries.passed], now);
  // Whoever lets the files alone be drilled has said that they suffice.
  const counts = latest([machine, schedule?.drill?.files === true ? seen.files.passed : undefined], now);
  const isYoung = every !== undefined && counts !== undefined && shown(counts, now).ageSeconds <= every;
  const isQuick = target !== undefined && machine?.seconds !== undefined && machine.seconds <= target;
  const findings: Status['findings'] = [
    ...failed('recovery', seen.recoveries.last, machine),
    ...failed('drill', seen.drills.last, machine),
    ...failed('drill of files', seen.files.last, latest([machine, seen.files.passed], now)),
  ];
  if (every !== undefined && !isYoung && recoveries !== undefined) {
    const since = counts === undefined ? 'none has passed' : `the last that passed is ${age(shown(counts, now))} old`;
    findings.push({
      subject: 'drill',
      problem: `${since}, and the target is ${drill?.every}`,
      hint: 'Make one: lifeboat drill',
    });
  }
  if (target !== undefined && !isQuick && recoveries !== undefined) findings.push(slow(machine, rto ?? ''));
  const one = (recovered: Recovered | undefined) => recovered && shown(recovered, now);
  return {
    findings,
    status: {
      lastDrill: one(seen.drills.last) ?? null,
      ...present({
        lastPassedDrill: one(seen.drills.passed),
        lastFilesDrill: one(seen.files.last),
        lastPassedFilesDrill: one(seen.files.passed),
        lastRecovery: one(seen.recoveries.last),
      }),
      ...(every === undefined
        ? {}
        : { drill: { targetSeconds: every, met: isYoung, ...present({ passedAt: counts?.at }) } }),
      ...(target === undefined ? {} : { rto: { targetSeconds: target, met: isQuick } }),
    },
  };
}

function latest(all: readonly (Recovered | undefined)[], now: number): Recovered | undefined {
  const given = all.filter((one) => one !== undefined);
  return given.toSorted((a, b) => shown(a, now).ageSeconds - shown(b, now).ageSeconds)[0];
}

/** @param since what proves as much, and passed */
function failed(subject: string, last: Recovered | undefined, since: Recovered | undefined): Status['findings'] {
  if (last?.result !== 'failed' || (since !== undefined && since.at > last.at)) return [];
  const why = last.problem === undefined ? '' : `: ${last.problem}`;
  const problem = `the last one, of the point ${last.point}, failed${why}`;
  return [{ subject, problem, hint: `lifeboat points show ${last.point}` }];
}

function slow(passed: Recovered | undefined, target: string): Status['findings'][number] {
  if (passed?.seconds === undefined)
    return {
      subject: 'rto',
      problem: `nobody has measured how long a recovery takes, and the target is ${target}`,
      hint: 'Measure it: lifeboat drill',
    };
  const problem = `the last drill took ${formatDuration(passed.seconds * 1000)}, and the target is ${target}`;
  return { subject: 'rto', problem, hint: `Where the time went: lifeboat points show ${passed.point}` };
}

function shown(recovered: Recovered, now: number): LastDrill {
  const { point, at, how, what, result, problem, seconds, rpoSeconds } = recovered;
  return {
    point,
    at,
    ageSeconds: Math.max(0, Math.round((now - Date.parse(at)) / 1000)),
    how,
    what,
    result,
    ...(problem === undefined ? {} : { problem }),
    ...present({ rtoSeconds: seconds }),
    rpoSeconds,
  };
}

const age = ({ ageSeconds }: LastDrill): string => formatDuration(ageSeconds * 1000);

const results = {
  passed: 'passed',
  sampled: 'passed, content by sample',
  unchecked: 'not all looked at',
  failed: 'FAILED',
};

/** Rows of a table. */
export function drillRows(status: Status): string[][] {
  const { lastDrill, lastPassedDrill, lastFilesDrill, lastPassedFilesDrill, lastRecovery, drill, rto } = status;
  const target = (of: { readonly targetSeconds: number; readonly met: boolean }) =>
    `${formatDuration(of.targetSeconds * 1000)}: ${of.met ? 'met' : 'NOT met'}`;
  const text = (one: LastDrill): string => {
    const measured = one.what === 'files' || one.result === 'failed' ? undefined : one.rtoSeconds;
    const took = measured === undefined ? '' : `, RTO ${formatDuration(measured * 1000)}`;
    return `${results[one.result]}, ${age(one)} ago, of ${one.point}${took}`;
  };
  const series = (name: string, last: LastDrill, passed: LastDrill | undefined): string[][] => [
    [name, text(last)],
    ...(passed === undefined || passed.at === last.at ? [] : [['last that passed', text(passed)]]),
  ];
  return [
    ...(lastDrill === null ? [['last drill', 'never']] : series('last drill', lastDrill, lastPassedDrill)),
    ...(lastFilesDrill === undefined ? [] : series('last drill of files', lastFilesDrill, lastPassedFilesDrill)),
    ...(lastRecovery === undefined ? [] : [['last recovery', text(lastRecovery)]]),
    ...(drill === undefined ? [] : [['target (drill)', target(drill)]]),
    ...(rto === undefined ? [] : [['target (RTO)', target(rto)]]),
  ];
}
