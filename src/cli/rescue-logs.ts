/** What rescue systems have put into the repository, for those who were not there. */
import { LifeboatError } from '../kernel/errors.ts';
import { timeInName } from '../kernel/ids.ts';
import { printable } from '../kernel/text.ts';
import { formatBytes } from '../kernel/units.ts';
import { type LogRecord, logIds, outcomeName, readLog } from '../point/logs.ts';
import { isUnreadable, type Repository } from '../point/record-objects.ts';
import { table } from './output.ts';

export interface ListedLog {
  readonly id: string;
  readonly at: string;
  /** How the recovery ended that was tried there with nobody present; absent where there was none, or it did. */
  readonly outcome?: string;
  /** Why it cannot be read. */
  readonly problem?: string;
}

/** Those that are looked into. */
const most = 20;

/** The last ones first. @throws LifeboatError what the target throws */
export async function logList(
  repository: Repository,
  host: string,
  signal: AbortSignal,
): Promise<readonly ListedLog[]> {
  const ids = (await logIds(repository, host, signal)).slice(0, most);
  const logs: ListedLog[] = [];
  for (const id of ids) {
    const at = new Date(timeInName(id) ?? 0).toISOString();
    try {
      const outcome = outcomeOf(await readLog(repository, host, id, signal));
      logs.push({ id, at, ...(outcome === undefined ? {} : { outcome }) });
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      logs.push({ id, at, problem: error.message });
    }
  }
  return logs;
}

/** Its first line. */
export const outcomeOf = ({ files }: LogRecord): string | undefined =>
  files.find(({ name }) => name === outcomeName)?.text.split('\n', 1)[0];

/** @param id or `latest`. @throws LifeboatError `not-found` */
export async function logDocument(
  repository: Repository,
  host: string,
  id: string,
  signal: AbortSignal,
): Promise<LogRecord & { readonly id: string }> {
  const [last] = id === 'latest' ? await logIds(repository, host, signal) : [id];
  if (last === undefined) throw new LifeboatError('not-found', `there are no logs of ${host} in the repository`);
  return { id: last, ...(await readLog(repository, host, last, signal)) };
}

export function logListText(logs: readonly ListedLog[]): string {
  if (logs.length === 0) return 'No rescue system of this host has put logs into the repository.';
  const rows = logs.map(({ id, at, outcome = '', problem }) => [
    id,
    at,
    problem === undefined ? outcome : `unreadable: ${problem}`,
  ]);
  return table(['LOG', 'AT', 'RECOVERY THAT STOPPED'], rows);
}

export function logText({ id, at, files }: LogRecord & { readonly id: string }): string {
  const parts = files.map(({ name, text, bytes }) => {
    const cut = Buffer.byteLength(text) < bytes ? `, of which this is the end: ${formatBytes(bytes)}` : '';
    const lines = text.split('\n').map(printable).join('\n');
    return `== ${printable(name)}${cut}\n${lines.trimEnd()}\n`;
  });
  return [`Log ${id}, of ${at}`, ...parts].join('\n');
}
