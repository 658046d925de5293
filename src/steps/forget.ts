/** Steps that forget points, by the rules of the configuration or by name. */
import type { Config } from '../config/schema.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import type { Json } from '../kernel/json.ts';
import { formatBytes } from '../kernel/units.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import { catalogue, neededIn } from '../point/catalogue.ts';
import { findPoint } from '../point/find.ts';
import {
  checkStillFree,
  finishForgetting,
  type ForgetPlan,
  forgetPoint,
  planByName,
  planByRules,
} from '../point/forget.ts';
import type { LocalRecords } from '../point/local-records.ts';
import type { Say } from '../workflow/step.ts';
import { agree, type Destruction } from './consent.ts';
import { type State, step } from './define.ts';
import { localOf, type OpenRepository, openSame } from './repository.ts';

/**
 * What a request comes to now. Changes nothing.
 *
 * @throws LifeboatError `usage` for rules that the configuration does not have; those of `planByRules`, `planByName`
 */
export async function forgetPlan(
  repository: OpenRepository,
  local: LocalRecords,
  { config, hostName, forgetRequest }: Pick<State, 'config' | 'hostName' | 'forgetRequest'>,
  signal: AbortSignal,
): Promise<ForgetPlan> {
  if (forgetRequest.points.length === 0)
    return await planByRules(repository, hostName, local, rulesOf(config), Date.now(), signal);
  const ids = [];
  for (const name of forgetRequest.points) ids.push(await idOf(repository, hostName, name, signal));
  return await planByName(repository, hostName, local, ids, signal);
}

function rulesOf({ retention }: Config) {
  if (retention !== undefined) return retention;
  throw new LifeboatError(
    'usage',
    'the configuration has no retention rules, so no point is ever forgotten by itself',
    {
      hint: 'Name points, or add a section to the configuration, such as "retention: { daily: 14, monthly: 12 }".',
    },
  );
}

async function idOf(repository: OpenRepository, host: string, name: string, signal: AbortSignal): Promise<string> {
  if (name === 'latest') {
    throw new LifeboatError('usage', '"latest" is another point after each backup: name the point by its id', {
      hint: 'See lifeboat points list.',
    });
  }
  return (await findPoint(repository, host, name, signal)).point.id;
}

/** Rules in the configuration are consent; points that are named need it. */
export function forgetDestruction(plan: ForgetPlan, hostName: string, repository: string): Destruction {
  const items = plan.forget.map(({ id, arrivedAt, bytes }) => ({
    name: id,
    state: `arrived ${arrivedAt}, ${formatBytes(bytes)}`,
  }));
  const identity: Json = { forget: plan.forget.map(({ id }) => id).sort(), hostName, repository };
  return { deed: `forget points of ${hostName}`, verb: 'forgotten', items, identity };
}

export const decideForget = step({
  id: 'points',
  title: 'Decide which points are forgotten',
  needs: ['config', 'stateDir', 'hostName', 'lockId', 'forgetRequest'],
  gives: ['forgetPlan'],
  timeout: '1h',
  run: async ({ state, ask, say, secrets, signal }) => {
    const { hostName, forgetRequest } = state;
    await using repository = await openSame(state, { say, secrets }, signal);
    const plan = await forgetPlan(repository, localOf(repository, state), state, signal);
    tellUnusable(plan, say);
    const { points, yes } = forgetRequest;
    if (points.length > 0) await agree(forgetDestruction(plan, hostName, repository.id), { ask, yes }, signal);
    return { forgetPlan: plan };
  },
});

function tellUnusable({ unusable }: ForgetPlan, say: Say): void {
  for (const { key, problem } of unusable) say({ type: 'finding', subject: key, problem });
}

export const forgetPoints = step({
  id: 'forget',
  title: 'Forget them: record first, then the data',
  needs: ['config', 'stateDir', 'hostName', 'lockId', 'forgetPlan'],
  gives: ['forgotten'],
  timeout: '1d',
  run: async ({ state, say, secrets, signal }) => {
    await using repository = await openSame(state, { say, secrets }, signal);
    return { forgotten: await carryOut(repository, state, say, signal) };
  },
});

async function carryOut(
  repository: OpenRepository,
  state: Pick<State, 'stateDir' | 'hostName' | 'forgetPlan'>,
  say: Say,
  signal: AbortSignal,
): Promise<State['forgotten']> {
  const { hostName, forgetPlan: plan } = state;
  const local = localOf(repository, state);
  const known = await catalogue(repository, hostName, local, signal);
  checkStillFree(plan, known);
  const going = new Set(plan.forget.map(({ id }) => id));
  const needed = neededIn({ ...known, points: known.points.filter(({ point }) => !going.has(point.id)) });
  await finishForgetting(repository, hostName, local, needed, signal);
  let done = 0;
  for (const { id } of plan.forget) {
    throwIfAborted(signal);
    await forgetPoint(repository, hostName, local, id, signal);
    done += 1;
    say({ type: 'progress', done, total: plan.forget.length, unit: 'items' });
  }
  return { points: plan.forget.map(({ id }) => id), bytes: plan.forget.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** After a backup. The new point is on record and stays; what fails here makes the run incomplete. */
export const retain = step({
  id: 'retention',
  title: 'Forget points by the rules of the configuration',
  needs: ['config', 'stateDir', 'hostName', 'lockId', 'recorded'],
  gives: ['forgotten'],
  timeout: '1d',
  run: async ({ state, say, secrets, signal }) => {
    const nothing = { forgotten: { points: [], bytes: 0 } };
    if (state.config.retention === undefined) return nothing;
    try {
      await using repository = await openSame(state, { say, secrets }, signal);
      const request = { ...state, forgetRequest: { points: [] } };
      const plan = await forgetPlan(repository, localOf(repository, state), request, signal);
      tellUnusable(plan, say);
      return { forgotten: await carryOut(repository, { ...state, forgetPlan: plan }, say, signal) };
    } catch (error) {
      throwIfAborted(signal);
      const { message } = asLifeboatError(error);
      say({
        type: 'finding',
        subject: 'retention',
        problem: `older points were not, or not all, forgotten: ${message}`,
      });
      return nothing;
    }
  },
});
