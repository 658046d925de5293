/** An unattended recovery that did not come to its end: nobody sees the screen, so the repository is told. */
import type { Host } from '../host/host.ts';
import { asLifeboatError, type LifeboatError } from '../kernel/errors.ts';
import { putRecovered } from '../point/attestations.ts';
import { LOG_FORMAT, outcomeName, putLog } from '../point/logs.ts';
import { ATTESTATION_FORMAT, type Recovered } from '../point/point.ts';
import { readLogs } from '../rescue/logs.ts';
import type { State } from './define.ts';
import { type Opening, openConfigured } from './repository.ts';

/** As far as it came. */
export type Came = Pick<State, 'config' | 'hostName' | 'stateDir' | 'version'> &
  Partial<Pick<State, 'begun' | 'point' | 'agreedPlan' | 'phases' | 'recoverRequest'>>;

/**
 * Puts the logs there; and where disks were to be written to, that this point was not recovered. Never in the way: there may be no
 * repository, and then one of the others is told that was to be tried.
 *
 * @returns what could not be told, and why
 */
export async function tellFailure(
  came: Came,
  error: LifeboatError,
  host: Host,
  opening: Opening,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { config, recoverRequest } = came;
  const others = [...(config.recover?.repositories ?? []), ...(recoverRequest?.repositories ?? [])];
  let problem: string | undefined;
  for (const url of new Set([config.repository, ...others])) {
    try {
      await tellOne({ ...came, config: { ...config, repository: url } }, error, host, opening, signal);
      return undefined;
    } catch (cause) {
      problem ??= asLifeboatError(cause).message;
    }
  }
  return problem;
}

async function tellOne(
  came: Came,
  error: LifeboatError,
  host: Host,
  opening: Opening,
  signal: AbortSignal,
): Promise<void> {
  const { config, hostName, stateDir } = came;
  const now = new Date();
  await using repository = await openConfigured(config, { ...opening, hurried: true }, signal);
  const text = `${error.code}: ${error.message}\n${error.hint ?? ''}\n`;
  const outcome = { name: outcomeName, text, bytes: Buffer.byteLength(text) };
  const files = [outcome, ...(await readLogs(stateDir, host, signal))];
  await putLog(repository, hostName, { format: LOG_FORMAT, at: now.toISOString(), files }, signal);
  const failed = failedRecord(came, error, now);
  if (failed !== undefined) await putRecovered(repository, hostName, failed, signal);
}

/** Nothing where nobody had agreed yet: then nothing is known of the point. */
function failedRecord(
  { hostName, version, begun, point, agreedPlan, phases = [] }: Came,
  { message }: LifeboatError,
  now: Date,
): Recovered | undefined {
  if (point === undefined || begun === undefined || agreedPlan === undefined) return undefined;
  const seconds = (from: string, to: number): number => Math.max(0, (to - Date.parse(from)) / 1000);
  return {
    format: ATTESTATION_FORMAT,
    point: point.id,
    at: now.toISOString(),
    by: { host: hostName, version },
    kind: 'recovered',
    how: 'recover',
    what: 'machine',
    result: 'failed',
    problem: message,
    seconds: seconds(begun, now.getTime()),
    rpoSeconds: seconds(point.createdAt, Date.parse(begun)),
    phases: [...phases],
  };
}
