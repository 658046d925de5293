/** The conformance suite against a user's own storage. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadConfig } from '../config/load.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { limited } from '../kernel/wait.ts';
import { HURRIED_MS } from '../steps/repository.ts';
import { type Ability, hasAbility, type TargetCase, targetCases } from '../target/conformance/cases.ts';
import type { Target, TargetTraits } from '../target/target.ts';
import { openTarget } from '../target/targets.ts';
import { table } from './output.ts';
import type { Session } from './session.ts';

/** A case that is not done by then will not be. */
const CASE_MS = 5 * 60_000;

interface CaseResult {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly ms: number;
  /** Why it failed or was skipped. */
  readonly reason?: string;
}

export interface TargetTest {
  readonly url: string;
  readonly traits: TargetTraits;
  /** None with `--dry-run`. */
  readonly cases: readonly CaseResult[];
  /** What could not be removed again. */
  readonly left: readonly string[];
}

/** @throws LifeboatError what opening the target can fail with */
export async function testTarget(url: string, { globals, context, signal }: Session): Promise<TargetTest> {
  const file = resolve(globals.config);
  const ssh = existsSync(file) ? (await loadConfig(file)).ssh : undefined;
  const options = { secrets: context.secrets, patienceMs: HURRIED_MS, ...present({ ssh }) };
  await using target = await openTarget(url, options, signal);
  const { traits } = target;
  if (globals.dryRun) return { url: target.url, traits, cases: [], left: [] };
  const at = `target-test-${randomBytes(6).toString('hex')}`;
  const cases: CaseResult[] = [];
  for (const [index, one] of targetCases.entries()) {
    cases.push(await runCase(one, target, `${at}/${index}`, signal));
  }
  return { url: target.url, traits, cases, left: await removeAll(target, at, signal) };
}

async function runCase(one: TargetCase, target: Target, at: string, signal: AbortSignal): Promise<CaseResult> {
  const began = performance.now();
  const result = (outcome: CaseResult['outcome'], reason?: string): CaseResult => ({
    name: one.name,
    outcome,
    ms: Math.round(performance.now() - began),
    ...present({ reason }),
  });
  const missing = (one.needs ?? []).filter((ability) => !hasAbility(target, ability));
  if (missing.length > 0) return result('skipped', missing.map((ability) => reasons[ability]).join('; '));
  using limit = limited(signal, CASE_MS, () => new LifeboatError('step-timeout', `not done after ${CASE_MS / 1000} s`));
  try {
    await one.run(target, at, limit.signal);
    return result('passed');
  } catch (error) {
    if (signal.aborted) throw error;
    return result('failed', asLifeboatError(error).message.split('\n')[0] ?? '');
  }
}

const reasons: { readonly [Missing in Ability]: string } = {
  atomicPut: 'it cannot replace an object in one go: a crash may leave neither the old nor the new one',
  exclusivePut: 'it cannot keep two writers apart: use one host per repository, or other storage',
  ranges: 'it gives whole objects only',
  replace: 'nothing can be replaced or removed there',
  parallel: 'it does one thing after the other',
};

/** Removes what the cases left; gives what cannot be removed. */
async function removeAll(target: Target, at: string, signal: AbortSignal): Promise<readonly string[]> {
  const left: string[] = [];
  const keys: string[] = [];
  for await (const { key } of target.list(at, signal)) keys.push(key);
  for (const key of keys) {
    try {
      await target.remove(key, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      left.push(key);
    }
  }
  return left;
}

export function testText({ url, traits, cases, left }: TargetTest): string {
  const can = Object.entries(traits).map(([name, value]) => [name, String(value)]);
  const rows = cases.map(({ name, outcome, ms, reason }) => [outcome, name, `${ms} ms`, reason ?? '']);
  const count = (outcome: CaseResult['outcome']) => cases.filter((one) => one.outcome === outcome).length;
  const parts = [url, table(['trait', ''], can)];
  if (cases.length > 0) {
    parts.push(table(['', 'case', 'took', 'reason'], rows));
    parts.push(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
  }
  if (left.length > 0) parts.push(`Left there, for it cannot be removed:\n${left.map((key) => `  ${key}`).join('\n')}`);
  return parts.join('\n\n');
}
