/** LUKS headers of this host, as they are kept with a point. They go from the devices into what is sealed, and into no state or journal. */
import { asker } from '../host/asker.ts';
import type { Host } from '../host/host.ts';
import { waitingCommands } from '../host/waiting.ts';
import type { Layout } from '../layout/types.ts';
import { suffixFor } from '../point/envelope.ts';
import { allHeaders, maxKeptBytes, putEscrow } from '../point/escrow.ts';
import { isOnRecord } from '../point/forget.ts';
import type { LocalRecords } from '../point/local-records.ts';
import { recordKey, recordKeys } from '../point/names.ts';
import { type Point, POINT_FORMAT, pointSchema } from '../point/point.ts';
import { readRecord, type Repository } from '../point/record-objects.ts';
import { readVolumeKeys } from '../point/volume-keys.ts';
import type { Say } from '../workflow/step.ts';
import type { State } from './define.ts';

/**
 * Reads and writes them, where the repository seals. What cannot be read is told and stands in the record. A step that is repeated though its
 * point is on record gives what that says: what was read then is what is there.
 *
 * @returns what the record says of them; `undefined` where there is no LUKS
 */
export async function keepHeaders(
  host: Host,
  layout: Layout,
  repository: Repository,
  local: LocalRecords,
  { hostName, pointId, stateDir }: Pick<State, 'hostName' | 'pointId' | 'stateDir'>,
  say: Say,
  signal: AbortSignal,
): Promise<Point['escrow']> {
  if (!layout.components.some(({ kind }) => kind === 'luks')) return undefined;
  const known = (await local.list()).find(({ id }) => id === pointId) ?? (await onRecord());
  if (known !== undefined) return known.escrow;
  const { target } = repository;
  // Of an attempt that ended before the record: no record names it, and it is of another moment.
  for (const key of recordKeys(hostName, 'escrow', pointId))
    if ((await target.stat(key, signal)) !== undefined) await target.remove(key, signal);
  const readAt = new Date().toISOString();
  const kept = await putEscrow(
    repository,
    hostName,
    pointId,
    { readAt, volumeKeys: await readVolumeKeys(stateDir), ...(await readNow()) },
    signal,
  );
  for (const { subject, problem } of kept.missing) say({ type: 'note', text: `${subject}: ${problem}` });
  return kept;

  /** This host's copy of it comes after it. */
  async function onRecord(): Promise<Point | undefined> {
    if (!(await isOnRecord(repository, hostName, pointId, signal))) return undefined;
    const key = recordKey(hostName, 'points', pointId, suffixFor(repository.keys));
    return await readRecord(repository, key, pointSchema, POINT_FORMAT, signal);
  }

  async function readNow() {
    if (suffixFor(repository.keys) !== '.age')
      return {
        copied: [],
        missing: [{ subject: allHeaders, problem: 'not kept, as the repository is not encrypted' }],
      };
    const asking = asker(host, signal, await waitingCommands(host, signal));
    const { copyHeaders } = await import('../layout/luks-copy.ts');
    const copied = await copyHeaders(layout, asking, maxKeptBytes);
    return { copied, missing: asking.gaps.map(({ subject, problem }) => ({ subject, problem })) };
  }
}
