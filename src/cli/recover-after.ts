/** What follows a recovery: who is told that it failed, and whether the machine is started. */
import type { Config } from '../config/schema.ts';
import { asLifeboatError, type ErrorCode, LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import { captureLayout } from '../layout/capture.ts';
import { withWholeDisks } from '../layout/rebuild/attached.ts';
import { startOn } from '../recover/start-on.ts';
import { typedState } from '../steps/define.ts';
import { tellFailure } from '../steps/recover-failed.ts';
import type { RunOutcome } from '../workflow/runs.ts';
import { ask } from './ask.ts';
import type { Globals } from './globals.ts';
import { recoveryConfig, type Sources } from './recover-config.ts';
import { hostNameOf } from './requests.ts';
import type { Session } from './session.ts';

/** Somebody may wait for the machine to go off. */
const tellMs = 120_000;

/** There is somebody, or another recovery that tells what becomes of it. */
const untold: readonly ErrorCode[] = ['interrupted', 'locked', 'usage'];

/** Of an unattended one, whose screen nobody sees: the repository is told, or one of the others. */
export async function tell(
  state: RunOutcome['state'],
  error: LifeboatError,
  config: Config,
  hostName: string,
  { context, host, opening, globals }: Session,
): Promise<void> {
  if (untold.includes(error.code)) return;
  const { stateDir, version } = context;
  const came = { config, hostName, stateDir, version, ...typedState(state) };
  const problem = await tellFailure(came, error, host, opening, AbortSignal.timeout(tellMs));
  if (problem !== undefined && !globals.json)
    process.stderr.write(`The repository was not told: ${printable(problem)}\n`);
}

/** One that failed before it began, as far as a configuration says whom to tell. */
export async function tellBefore(error: LifeboatError, sources: Sources, session: Session): Promise<void> {
  try {
    const { config } = await recoveryConfig(sources);
    await tell({}, error, config, await hostNameOf(config, session.host, session.signal), session);
  } catch (cause) {
    const why = asLifeboatError(cause);
    if (why.message !== error.message && !session.globals.json)
      process.stderr.write(`The repository was not told: ${printable(why.message)}\n`);
  }
}

interface After {
  readonly after?: 'reboot' | 'poweroff' | 'nothing';
  readonly unattended: boolean;
}

/** Only what was proven starts by itself; and a machine that was recovered before is not started into the medium again. */
export async function afterwards(
  { after, unattended }: After,
  { recover: settings }: Config,
  error: LifeboatError | undefined,
  { host, globals, signal }: Session,
): Promise<void> {
  const isDone = [undefined, 0, 4].some((status) => status === process.exitCode);
  const wanted =
    after ?? (unattended ? (settings?.after ?? 'reboot') : isDone ? await offered(globals, signal) : 'nothing');
  if (wanted === 'nothing') return;
  const isAgain = error?.code === 'recovered-before' && unattended;
  if (isAgain && wanted === 'reboot') {
    const here = withWholeDisks(await captureLayout(host, new Date(), signal));
    const how = await startOn(here, new Date(), host, signal);
    if (how !== 'started') {
      process.stderr.write(`It stays here: ${stays[how]}\n`);
      return;
    }
  }
  if (isDone || isAgain) await host.run([wanted], { timeoutMs: 120_000 }, signal);
}

const stays = {
  never: 'the firmware would start this medium again. Take it out.',
  again:
    'the machine was started from here a short while ago, and has come back. Take the medium out, or see why it does not start.',
};

async function offered(globals: Globals, signal: AbortSignal): Promise<'reboot' | 'nothing'> {
  if (globals.json || !process.stdin.isTTY) return 'nothing';
  try {
    const text = 'Start the machine now? (y, or Enter for no)';
    return (await ask({ id: 'reboot', text }, globals, signal)) === 'y' ? 'reboot' : 'nothing';
  } catch (error) {
    if (error instanceof LifeboatError && error.code === 'interrupted') return 'nothing';
    throw error;
  }
}
