/** Points that this host has put on record, and that are not on record any more though nobody has forgotten them here. */
import { isOnRecord } from './forget.ts';
import type { LocalRecords } from './local-records.ts';
import { nameIn } from './names.ts';
import { listFolder, type Repository } from './record-objects.ts';
import { cannotRead } from './records.ts';

export interface Missing {
  readonly subject: string;
  readonly problem: string;
  readonly hint: string;
}

/**
 * Ids of those. Where this host cannot read, others forget its points: there only the newest counts, which no rule ever
 * forgets.
 */
export async function missingRecords(
  repository: Repository,
  host: string,
  local: LocalRecords,
  signal: AbortSignal,
): Promise<string[]> {
  const listed = await listFolder(repository.target, host, 'points', signal);
  const names = new Set(listed.map(({ key }) => nameIn(host, 'points', key)));
  const own = (await local.list()).map(({ id }) => id);
  const asked = cannotRead(repository) ? own.slice(-1) : own;
  const missing: string[] = [];
  // By its key, for a list may be stale.
  for (const id of asked) if (!names.has(id) && !(await isOnRecord(repository, host, id, signal))) missing.push(id);
  if (missing.length === 0) return [];
  // What was forgotten meanwhile is gone here first.
  const still = new Set((await local.list()).map(({ id }) => id));
  return missing.filter((id) => still.has(id));
}

/** As a person reads it; none where none is missing. */
export function missingFindings(missing: readonly string[], { folder }: Pick<LocalRecords, 'folder'>): Missing[] {
  if (missing.length === 0) return [];
  const shown = `${missing.slice(0, 5).join(', ')}${missing.length > 5 ? `, … (${missing.length})` : ''}`;
  return [
    {
      subject: 'points',
      problem: `this host has put on record what is not on record any more: ${shown}`,
      hint: `Find out who removed it; where the data is there, see lifeboat points repair --dry-run. If it was forgotten on another machine, remove its copy in ${folder}.`,
    },
  ];
}
