/** Steps run by themselves, with a state that a test gives. */
import type { Host } from '../../src/host/host.ts';
import type { Json } from '../../src/kernel/json.ts';
import { noSecrets, type SecretSource } from '../../src/kernel/secret.ts';
import { type State, typedState } from '../../src/steps/define.ts';
import type { Message, Step } from '../../src/workflow/step.ts';
import { type RunOutcome, startRun } from '../../src/workflow/runs.ts';
import { noSettings } from '../../src/workflow/units.ts';
import { stage, workflow } from '../../src/workflow/workflow.ts';

export interface StepsRun extends Pick<RunOutcome, 'error' | 'report'> {
  readonly state: Partial<State>;
  readonly said: readonly Message[];
}

/** @param given made into JSON, as the journal would */
export async function runSteps(
  steps: readonly Step[],
  given: Readonly<Record<string, unknown>>,
  { stateDir, host, secrets = noSecrets }: { stateDir: string; host: Host; secrets?: SecretSource },
  signal: AbortSignal,
): Promise<StepsRun> {
  const inputs = JSON.parse(JSON.stringify(given)) as Record<string, Json>;
  const stages = steps.map((step, index) => stage(`s${index}`, [step]));
  const said: Message[] = [];
  const context = {
    stateDir,
    host,
    secrets,
    settings: noSettings,
    openEvents: async () => ({
      emit: (event: { readonly type: string; readonly message?: Message }) =>
        void (event.message && said.push(event.message)),
      [Symbol.asyncDispose]: async () => undefined,
    }),
    ask: async () => await Promise.reject(new Error('nobody is asked')),
    version: '1',
    now: () => new Date(),
  };
  const flow = workflow({ name: 'steps', title: 'Some steps', inputs: Object.keys(inputs), stages });
  const { error, report, state } = await startRun(flow, inputs, context, signal);
  return { error, report, state: typedState(state), said };
}
