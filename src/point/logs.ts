/** What a rescue system has logged, kept with the records of the host that it stood for: it lives in memory, and is gone with the next start. */
import { z } from 'zod';
import { newId } from '../kernel/ids.ts';
import { putRecord, type Repository } from './record-objects.ts';

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
