/** What `lifeboat status` says of drills: how the last one went, and whether it is as young and as quick as it should be. */
import type { Config } from '../config/schema.ts';
import { formatDuration, parseDuration } from '../kernel/units.ts';
import type { LastDrill, Status } from '../notify/status.ts';
import type { Recovered } from '../point/point.ts';
import type { LastRecoveries } from '../point/recoveries.ts';

type DrillStatus = Pick<Status, 'lastDrill' | 'lastPassedDrill' | 'drill' | 'rto'>;

/** @param recoveries `undefined` where nobody could read of them */
export function judgeDrills(
  recoveries: LastRecoveries | undefined,
  { drill, rto }: Pick<Config, 'drill' | 'rto'>,
  now: number,
): { readonly status: DrillStatus; readonly findings: Status['findings'] } {
  const findings: Status['findings'] = [];
  const last = recoveries?.last && shown(recoveries.last, now);
  const passed = recoveries?.passed && shown(recoveries.passed, now);
  const every = drill?.every === undefined ? undefined : parseDuration(drill.every) / 1000;
  const target = rto === undefined ? undefined : parseDuration(rto) / 1000;
  const isYoung = every !== undefined && passed !== undefined && passed.ageSeconds <= every;
  const isQuick = target !== undefined && passed?.what === 'machine' && passed.rtoSeconds <= target;
  if (last?.result === 'failed') {
    const name = last.how === 'drill' ? 'drill' : 'recovery';
    const problem = `the last one, of the point ${last.point}, failed${last.problem === undefined ? '' : `: ${last.problem}`}`;
    findings.push({ subject: name, problem, hint: `lifeboat points show ${last.point}` });
  }
  if (every !== undefined && !isYoung && recoveries !== undefined) {
    const since = passed === undefined ? 'none has passed' : `the last that passed is ${age(passed)} old`;
    findings.push({
      subject: 'drill',
      problem: `${since}, and the target is ${drill?.every}`,
      hint: 'Make one: lifeboat drill',
    });
  }
  if (target !== undefined && !isQuick && recoveries !== undefined) findings.push(slow(passed, rto ?? ''));
  return {
    findings,
    status: {
      lastDrill: last ?? null,
      ...(passed === undefined ? {} : { lastPassedDrill: passed }),
      ...(every === undefined ? {} : { drill: { targetSeconds: every, met: isYoung } }),
      ...(target === undefined ? {} : { rto: { targetSeconds: target, met: isQuick } }),
    },
  };
}

function slow(passed: LastDrill | undefined, target: string): Status['findings'][number] {
  if (passed === undefined || passed.what === 'files')
    return {
      subject: 'rto',
      problem: `nobody has measured how long a recovery takes, and the target is ${target}`,
      hint: 'Measure it: lifeboat drill',
    };
  const problem = `the last drill took ${formatDuration(passed.rtoSeconds * 1000)}, and the target is ${target}`;
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
    rtoSeconds: seconds,
    rpoSeconds,
  };
}

const age = ({ ageSeconds }: LastDrill): string => formatDuration(ageSeconds * 1000);

/** Rows of a table. */
export function drillRows({ lastDrill, lastPassedDrill, drill, rto }: Status): string[][] {
  const target = (of: { readonly targetSeconds: number; readonly met: boolean }) =>
    `${formatDuration(of.targetSeconds * 1000)}: ${of.met ? 'met' : 'NOT met'}`;
  const text = (one: LastDrill): string => {
    const name = one.how === 'recover' ? 'recovery of the machine' : one.what === 'files' ? 'files only' : 'drill';
    const results = { passed: 'passed', sampled: 'passed, content by sample', failed: 'FAILED' };
    const took = one.what === 'files' ? '' : `, RTO ${formatDuration(one.rtoSeconds * 1000)}`;
    return `${name} ${results[one.result]}, ${age(one)} ago, of ${one.point}${one.result === 'failed' ? '' : took}`;
  };
  const isOther = lastPassedDrill !== undefined && lastPassedDrill.at !== lastDrill?.at;
  return [
    ['last drill', lastDrill === null ? 'never' : text(lastDrill)],
    ...(isOther ? [['last that passed', text(lastPassedDrill)]] : []),
    ...(drill === undefined ? [] : [['target (drill)', target(drill)]]),
    ...(rto === undefined ? [] : [['target (RTO)', target(rto)]]),
  ];
}
