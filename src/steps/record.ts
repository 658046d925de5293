/** The step that puts a recovery point on record, and what it says of it. */
import type { Config } from '../config/schema.ts';
import type { BackupResult, Engine } from '../engine/engine.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { isId } from '../kernel/ids.ts';
import { present } from '../kernel/present.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import type { PointDescription } from '../point/captures.ts';
import { isProven, type Point } from '../point/point.ts';
import { isBuiltUpon } from '../point/catalogue.ts';
import { isOnRecord } from '../point/forget.ts';
import { taking } from '../point/containers.ts';
import { bringKept } from '../point/kept.ts';
import { findKnown } from '../point/known.ts';
import type { LocalRecords } from '../point/local-records.ts';
import { missingFindings, missingRecords } from '../point/missing.ts';
import { nameIn } from '../point/names.ts';
import { listFolder } from '../point/record-objects.ts';
import { putPoint, removePoint } from '../point/records.ts';
import type { CleanupContext, Say } from '../workflow/step.ts';
import { type State, step } from './define.ts';
import { keepHeaders } from './escrow.ts';
import { localOf, type OpenRepository, openConfigured } from './repository.ts';
import { readBackAttestation } from './verify.ts';

type Described = Pick<
  State,
  'config' | 'identity' | 'hostName' | 'pointId' | 'layout' | 'network' | 'facts' | 'containers' | 'coverage'
>;

/** The point without what the engine stored; a function of the state, so that a repeated step says the same. */
export function describe({
  config,
  identity,
  hostName,
  pointId,
  layout,
  network,
  facts,
  containers,
  coverage,
}: Described): PointDescription {
  const { include, keep } = taking(config.backup, layout, containers);
  return {
    id: pointId,
    createdAt: layout.capturedAt,
    host: { name: hostName, ...(identity.machineId ? { machineId: identity.machineId } : {}) },
    include: [...include],
    exclude: [...config.backup.exclude],
    ...(keep.length === 0 ? {} : { keep: [...keep] }),
    layout,
    network,
    facts,
    coverage: [...coverage],
    containers,
  };
}

/** What a record says of what the engine stored. */
export function dataOf(engine: Engine, result: BackupResult): Point['data'] {
  const { findings, excluded, notes, changes, ...rest } = result;
  return {
    engine: engine.name,
    ...rest,
    references: [...engine.references(result.stored)],
    findings: [...findings],
    ...(changes === undefined ? {} : { changes: { ...changes } }),
    excluded: excluded.map((one) => ({ ...one, examples: [...one.examples] })),
    notes: [...notes],
  };
}

export const record = step({
  id: 'point',
  title: 'Put the recovery point on record',
  needs: [
    'config',
    'stateDir',
    'version',
    'identity',
    'hostName',
    'pointId',
    'layout',
    'network',
    'facts',
    'containers',
    'coverage',
    'canary',
    'data',
    'verified',
  ],
  gives: ['recorded'],
  timeout: '10m',
  cleanups: {
    /** Before the data goes: a point on record must have it. One that another builds upon by now stays. */
    async unlist(
      { config, stateDir, hostName, pointId }: { config: Config; stateDir: string; hostName: string; pointId: string },
      { say, secrets, signal }: CleanupContext,
    ) {
      await using repository = await openConfigured(config, { say, secrets }, signal);
      const local = localOf(repository, { stateDir, hostName });
      if (await isBuiltUpon(repository, hostName, local, pointId, signal)) {
        say({ type: 'note', text: `the point ${pointId} stays on record: another builds upon it` });
        return;
      }
      await local.remove(pointId);
      await removePoint(repository, hostName, pointId, signal);
    },
  },
  run: async ({ host, state, runId, onFailure, say, secrets, signal }) => {
    const { config, stateDir, version, identity, hostName, pointId, layout, canary, data, verified } = state;
    await using repository = await openConfigured(config, { say, secrets }, signal);
    await onFailure('unlist', { config, stateDir, hostName, pointId });
    await checkStored(repository, { hostName, pointId, data }, signal);
    const by = { host: identity.name, version, run: runId };
    const verification = verified === null ? undefined : readBackAttestation(pointId, verified, by);
    const local = localOf(repository, { stateDir, hostName });
    const missing = await missingRecords(repository, hostName, local, signal);
    for (const { subject, problem } of missingFindings(missing, local)) say({ type: 'finding', subject, problem });
    const after = await newestBefore(repository, hostName, pointId, signal);
    const escrow = await keepHeaders(host, layout, repository, local, { hostName, pointId, stateDir }, say, signal);
    const more = present({ verification, after, escrow, canary: canary ?? undefined });
    const point = await putPoint(repository, describe(state), data, signal, more);
    await local.put(point);
    await tellBases(repository, local, point, say, signal);
    await bringAlong(repository, state, say, signal);
    return { recorded: { point: pointId, repository: repository.target.url } };
  },
});

/** What a recovery of this machine could not put on record; that it cannot be now either makes the point no worse. */
async function bringAlong(
  repository: OpenRepository,
  { stateDir, hostName }: Pick<State, 'stateDir' | 'hostName'>,
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  try {
    const brought = await bringKept(stateDir, repository, hostName, signal);
    if (brought > 0) say({ type: 'note', text: 'the result of the last recovery is on record now' });
  } catch (error) {
    throwIfAborted(signal);
    const { message } = asLifeboatError(error);
    say({ type: 'finding', subject: 'result of the last recovery', problem: `it is not on record yet: ${message}` });
  }
}

/** Whose record arrived last. A step that is repeated, perhaps late, finds its own there, and says the same as before. */
async function newestBefore(
  { target }: OpenRepository,
  host: string,
  pointId: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const names = (await listFolder(target, host, 'points', signal)).map(({ key }) => nameIn(host, 'points', key));
  const own = names.indexOf(pointId);
  return (own === -1 ? names : names.slice(0, own)).findLast((id) => id !== undefined && isId(id));
}

/** A point is as good as what it builds upon, whatever was read back of itself. */
async function tellBases(
  repository: OpenRepository,
  local: LocalRecords,
  { id, host, verification, data }: Point,
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  if (verification === undefined || data.references.length === 0) return;
  const { trust } = await findKnown(repository, host.name, local, id, signal);
  if (isProven(trust)) return;
  const problem =
    trust === 'damaged' ? 'what it builds upon is damaged' : 'not all that it builds upon was read back and is right';
  say({ type: 'finding', subject: `point ${id}`, problem });
}

/** A run that is resumed may come late: what it stored may have been pruned since, and what it builds upon forgotten. */
async function checkStored(
  { target, engine }: OpenRepository,
  { hostName, pointId, data }: Pick<State, 'hostName' | 'pointId' | 'data'>,
  signal: AbortSignal,
): Promise<void> {
  let storedBytes = 0;
  for await (const piece of engine.stored({ target, hostName }, signal))
    if (piece.pointId === pointId) storedBytes += piece.size;
  const missing = [];
  if (storedBytes !== data.storedBytes) missing.push(pointId);
  for (const id of data.references) if (!(await isOnRecord({ target }, hostName, id, signal))) missing.push(id);
  if (missing.length === 0) return;
  throw new LifeboatError('not-found', `what was stored of ${missing.join(', ')} is not there any more`, {
    hint: 'Nothing was put on record. Undo this run (runs resume RUN --undo), and make a new backup.',
  });
}

/** What comes after counts on the point, and cannot be taken back: so neither is the point. */
export const settle = step({
  id: 'settle',
  title: 'Keep the point from here on, whatever comes',
  needs: ['recorded'],
  gives: [],
  settles: true,
  run: async () => ({}),
});
