/** What is looked at in the machine that has booted; and what should be, so that nothing is passed over unsaid. */
import { captureFacts } from '../facts/capture.ts';
import { type Facts, parseFacts } from '../facts/types.ts';
import type { Host } from '../host/host.ts';
import { sleep } from '../kernel/wait.ts';
import { systemState } from './booted.ts';
import { comparedFacts } from './compare.ts';
import { canary, carryOut, type WantedCheck } from './inside.ts';
import { isolation } from './isolation.ts';
import type { Check } from './report.ts';

export interface ToLookAt {
  readonly point: { readonly id: string };
  /** As they were when the point was made. */
  readonly captured: { readonly facts: Facts };
  /** The file that the backup wrote; absent in points without one. */
  readonly canary?: string;
  readonly checks: readonly WantedCheck[];
  /** Units that fail in a machine that reaches nothing, and may. */
  readonly mayFail: readonly string[];
}

/** For services that start late. */
const settleMs = 180_000;
/** Longer than anything starts on a busy machine that emulates another. */
const restMs = 1_800_000;

export async function look(
  host: Host,
  { captured, mayFail, point, canary: file, checks: wanted }: ToLookAt,
  found: (checks: readonly Check[]) => void,
  signal: AbortSignal,
): Promise<void> {
  found(await systemState(host, restMs, signal));
  found(await settled(host, captured.facts, mayFail, signal));
  if (file !== undefined) found([await canary(host, file, point.id, signal)]);
  found(await isolation(host, signal));
  for (const one of wanted) found([await carryOut(host, one, signal)]);
}

/** Names of all that a drill of this point looks at, where it comes so far. */
export function wantedNames({ captured, canary: file, checks }: ToLookAt): readonly string[] {
  const { services: _services, ports: _ports, ...blind } = captured.facts;
  return [
    'proof',
    'login',
    ...(captured.facts.services?.init === 'systemd' ? ['system'] : []),
    ...comparedFacts(captured.facts, blind, []).map(({ name }) => name),
    ...(file === undefined ? [] : ['canary']),
    'isolation',
    ...checks.map(({ name }) => name),
  ];
}

/** Looks again for a while, until what starts late has started. */
async function settled(
  host: Host,
  recorded: Facts,
  mayFail: readonly string[],
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const until = performance.now() + settleMs;
  for (;;) {
    const now = parseFacts(await captureFacts(host, new Date(), signal));
    const checks = comparedFacts(recorded, now, mayFail);
    if (checks.every(({ passed }) => passed) || performance.now() >= until) return checks;
    await sleep(10_000, signal);
  }
}
