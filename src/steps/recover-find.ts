/** The first steps of a recovery: which point, out of which repository, and whether it is whole. Nothing here writes to a disk. */
import type { Config } from '../config/schema.ts';
import type { Progress } from '../engine/engine.ts';
import { asLifeboatError, type ErrorCode, LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { readIfThere } from '../kernel/read-if-there.ts';
import { formatBytes } from '../kernel/units.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import type { Keyring } from '../keys/keyring.ts';
import { escrowProblem } from '../point/escrow.ts';
import { findPoint } from '../point/find.ts';
import { isProven, type Point } from '../point/point.ts';
import { type ListedPoint, readCaptures } from '../point/records.ts';
import { configuredConsent } from '../recover/consent.ts';
import { does, type RecoverRequest } from '../recover/request.ts';
import { judgeConfiguration, signatureOf } from '../recover/signed.ts';
import type { Say } from '../workflow/step.ts';
import { type State, step, type Tried } from './define.ts';
import { phased } from './recover-phase.ts';
import { type Opening, type OpenRepository, openConfigured } from './repository.ts';
import { pointJob } from './restore-plan.ts';

export const findForRecovery = step({
  id: 'find',
  title: 'Find repository and recovery point, and check who signed it',
  needs: ['config', 'recoverRequest', 'hostName', 'pointName'],
  gives: ['config', 'begun', 'point', 'captured', 'policies', 'phases'],
  timeout: '1h',
  run: async ({ state: { config, recoverRequest, hostName, pointName }, say, secrets, signal }) => {
    const begun = new Date().toISOString();
    const asked = { config, request: recoverRequest, hostName, pointName };
    const { value, phases } = await phased('find', [], async () => await firstPoint(asked, { say, secrets }, signal));
    return { ...value, begun, phases };
  },
});

interface Asked {
  readonly config: Config;
  readonly request: RecoverRequest;
  readonly hostName: string;
  readonly pointName: string;
}

/**
 * The point in the first repository that has it. Of several each is tried for a short while, and only then again with patience.
 *
 * @returns with the configuration as it is for that repository
 * @throws LifeboatError what says most about why there is none
 */
export async function firstPoint(
  { config, request, hostName, pointName }: Asked,
  { say, secrets }: Opening,
  signal: AbortSignal,
): Promise<Pick<State, 'config' | 'point' | 'captured' | 'policies'>> {
  const urls = [...new Set([config.repository, ...request.repositories])];
  let left = urls;
  const failures: LifeboatError[] = [];
  for (const hurried of urls.length > 1 ? [true, false] : [false]) {
    const again: string[] = [];
    for (const url of left) {
      const one: Config = { ...config, repository: url };
      try {
        await using repository = await openConfigured(one, { say, secrets, hurried }, signal);
        const { point } = await findPoint(repository, hostName, pointName, signal);
        const { layout, network, facts } = await readCaptures(repository, point, signal);
        say({ type: 'note', text: `point ${point.id} of ${hostName}, made ${point.createdAt}, in ${url}` });
        const policies = await policiesOf(one, request, hostName, repository.keys, say);
        return { config: one, point, captured: { layout, network, facts }, policies };
      } catch (error) {
        throwIfAborted(signal);
        const failure = asLifeboatError(error);
        if (urls.length > 1) say({ type: 'note', text: `${url}: ${failure.message}` });
        if (failure.retryable) again.push(url);
        failures.push(failure);
      }
    }
    left = again;
  }
  throw worstOf(failures);
}

/** All of them have to agree to what is done without asking. */
async function policiesOf(
  { recover }: Config,
  { unattended }: RecoverRequest,
  hostName: string,
  keys: Keyring,
  say: Say,
): Promise<State['policies']> {
  if (unattended === undefined) return [];
  const consent = recover?.consent ?? 'blank-disks';
  const { configuration, policies, signed = false } = unattended;
  const content = configuration === undefined ? undefined : await readIfThere(configuration);
  if (configuration === undefined || content === undefined) return [signed ? 'ask' : 'blank-disks', ...policies];
  const signature = await readIfThere(signatureOf(configuration));
  const vouched = judgeConfiguration(content, signature, hostName, keys);
  if (vouched !== 'trusted') {
    const what =
      vouched === 'wrong' ? 'is not as the host signed it' : 'is signed by nobody whom the keys here vouch for';
    say({ type: 'note', text: `${configuration} ${what}` });
  }
  return [configuredConsent(consent, vouched, signed || signature !== undefined), ...policies];
}

/** What says most about why there is no point: a wrong code before a server that does not answer. */
function worstOf(failures: readonly LifeboatError[]): LifeboatError {
  const telling: readonly ErrorCode[] = ['record-forged', 'record-damaged', 'no-key', 'not-found'];
  const first = telling.flatMap((code) => failures.find((one) => one.code === code) ?? [])[0];
  return (
    first ?? failures[0] ?? new LifeboatError('usage', 'no repository is named', { hint: 'Give --repository URL.' })
  );
}

/** What takes longer than the disks themselves is read for a while only. */
const wholeBytes = 4 * 1024 ** 3;
const sampleMs = 120_000;

export const verifyForRecovery = step({
  id: 'read',
  title: 'Read the point before anything is touched',
  needs: ['config', 'recoverRequest', 'point', 'captured', 'phases'],
  gives: ['tried', 'phases'],
  timeout: '7d',
  run: async ({ state: { config, recoverRequest, point, captured, phases: before }, say, secrets, signal }) => {
    // What builds no disk anew and brings no file back relies on no archive.
    const isRead = does(recoverRequest, 'recreate') || does(recoverRequest, 'restore');
    const { value: tried, phases } = await phased('verify', before, async (): Promise<Tried> => {
      if (!isRead) return { how: 'none', bytes: 0, storedBytes: 0 };
      await using repository = await openConfigured(config, { say, secrets }, signal);
      const hasLuks = captured.layout.components.some(({ kind }) => kind === 'luks');
      const problem = hasLuks ? await escrowProblem(repository, point, signal) : undefined;
      if (problem !== undefined)
        throw new LifeboatError(
          'record-damaged',
          `the LUKS headers of the point ${point.id} cannot be used: ${problem}`,
        );
      return await readFirst(repository, await findPoint(repository, point.host.name, point.id, signal), say, signal);
    });
    return { tried, phases };
  },
});

/**
 * Every byte. What was found right by its content before, as it was backed up most often, has to be the same bytes still: what they should be
 * is signed.
 *
 * @throws LifeboatError `archive-damaged`
 */
async function readFirst(
  repository: OpenRepository,
  { point, trust, verification }: ListedPoint,
  say: Say,
  signal: AbortSignal,
): Promise<Tried> {
  if (trust === 'damaged') throw damaged(point, 'it was found damaged before');
  const total = await storedOf(repository, point, signal);
  const isKnown = isProven(trust) && verification?.depth === 'content';
  // Of one that nobody has ever read back, a sample says too little.
  const until = total > wholeBytes && isProven(trust) ? AbortSignal.timeout(sampleMs) : undefined;
  const onProgress = ({ doneBytes, totalBytes = total }: Progress): void =>
    say({ type: 'progress', done: doneBytes, total: totalBytes, unit: 'bytes' });
  const more = { scope: 'chain' as const, sameBytes: isKnown, onProgress, ...present({ until }) };
  const { damage, storedBytes, partial } = await repository.engine.verify(
    { ...pointJob(repository, point), ...more },
    signal,
  );
  const [first] = damage;
  if (first !== undefined) throw damaged(point, `${first.subject}: ${first.problem}`);
  if (partial === undefined) return { how: 'whole', bytes: point.data.bytes, storedBytes };
  const text = `the point is large: its first ${formatBytes(storedBytes)} of ${formatBytes(total)} were read and are right, and all else is there; all of it read back right when it was last verified`;
  say({ type: 'note', text });
  return { how: 'sample', bytes: 0, storedBytes };
}

/** Of the point and all that it builds upon. */
async function storedOf({ target, engine }: OpenRepository, point: Point, signal: AbortSignal): Promise<number> {
  const ids = new Set([point.id, ...point.data.references]);
  let bytes = 0;
  for await (const { pointId, size } of engine.stored({ target, hostName: point.host.name }, signal))
    if (ids.has(pointId)) bytes += size;
  return bytes;
}

const damaged = ({ id }: State['point'], what: string): LifeboatError =>
  new LifeboatError('archive-damaged', `the point ${id} is damaged, and nothing was touched: ${what}`, {
    hint: 'Take another point (lifeboat points list, --point ID), or another repository (--repository URL).',
  });
