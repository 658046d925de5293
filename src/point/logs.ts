/** What a rescue system has logged, kept with the records of the host that it stood for: it lives in memory, and is gone with the next start. */
import { z } from 'zod';
import { LifeboatError } from '../kernel/errors.ts';
import { newId, timeInName } from '../kernel/ids.ts';
import { nameIn } from './names.ts';
import { listFolder, putRecord, readRecord, type Repository } from './record-objects.ts';

export const LOG_FORMAT = 'lifeboat.log/1';

export const logRecordSchema = z.object({
  format: z.literal(LOG_FORMAT),
  at: z.iso.datetime(),
  files: z.array(
    z.object({
      name: z.string(),
      /** Its end, where it is long. */
      text: z.string(),
      /** Of the whole. */
      bytes: z.number(),
    }),
  ),
});

export type LogRecord = z.output<typeof logRecordSchema>;

/** @returns its key. @throws LifeboatError as {@link putRecord} does */
export async function putLog(
  repository: Repository,
  host: string,
  record: LogRecord,
  signal: AbortSignal,
): Promise<string> {
  return await putRecord(repository, host, 'logs', newId(new Date(record.at)), record, signal);
}

/** Under which name a recovery that nobody was there for says how it ended. */
export const outcomeName = 'recovery';

/** The ids of a host's logs, the last first. @throws LifeboatError what the target throws */
export async function logIds(
  { target }: Pick<Repository, 'target'>,
  host: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const ids = (await listFolder(target, host, 'logs', signal)).flatMap(({ key }) => nameIn(host, 'logs', key) ?? []);
  return [...new Set(ids)].toSorted((a, b) => (timeInName(b) ?? 0) - (timeInName(a) ?? 0));
}

/** @throws LifeboatError `not-found`, `record-damaged`, `record-forged`, … */
export async function readLog(
  repository: Repository,
  host: string,
  id: string,
  signal: AbortSignal,
): Promise<LogRecord> {
  const key = (await listFolder(repository.target, host, 'logs', signal))
    .map((found) => found.key)
    .find((one) => nameIn(host, 'logs', one) === id);
  if (key === undefined)
    throw new LifeboatError(
      'not-found',
      `there is no log ${JSON.stringify(id)} of ${host} at ${repository.target.url}`,
      {
        hint: 'See lifeboat rescue logs.',
      },
    );
  return await readRecord(repository, key, logRecordSchema, LOG_FORMAT, signal);
}
