/** What is attested of rescue media: that one was started, and whether it was in order. Records that are added and never changed. */
import { z } from 'zod';
import { newId } from '../kernel/ids.ts';
import { listFolder, putRecord, readRecord, type Repository } from './record-objects.ts';

export const BOOT_FORMAT = 'lifeboat.boot/1';

const seconds = z.object({ seconds: z.number(), cpuSeconds: z.number() });

export const bootRecordSchema = z.object({
  format: z.literal(BOOT_FORMAT),
  medium: z.object({
    id: z.string(),
    /** Of all that it consists of. */
    digest: z.string(),
    made: z.iso.datetime(),
    host: z.string(),
    kernel: z.string(),
    version: z.string(),
  }),
  at: z.iso.datetime(),
  by: z.object({ host: z.string(), version: z.string() }),
  /** What the machine took it for. */
  as: z.enum(['iso', 'usb', 'raw', 'pxe']),
  firmware: z.enum(['bios', 'uefi', 'secure']),
  accelerator: z.enum(['kvm', 'tcg']),
  memoryMiB: z.number(),
  passed: z.boolean(),
  problem: z.string().exactOptional(),
  checks: z.array(z.object({ name: z.string(), passed: z.boolean(), detail: z.string() })),
  /** From switching on to the menu; absent where it did not come. */
  menu: seconds.exactOptional(),
  total: seconds,
});

export type BootRecord = z.output<typeof bootRecordSchema>;

/** @returns its key. @throws LifeboatError as {@link putRecord} does */
export async function putBoot(
  repository: Repository,
  host: string,
  record: BootRecord,
  signal: AbortSignal,
): Promise<string> {
  const name = `${record.medium.id}.${newId(new Date(record.at))}.booted`;
  return await putRecord(repository, host, 'media', name, record, signal);
}

/** Of all media of a host, in the order in which they arrived. @throws LifeboatError `record-damaged`, `no-key`, … */
export async function listBoots(
  repository: Repository,
  host: string,
  signal: AbortSignal,
): Promise<readonly BootRecord[]> {
  const found = await listFolder(repository.target, host, 'media', signal);
  const records: BootRecord[] = [];
  for (const { key } of found) records.push(await readRecord(repository, key, bootRecordSchema, BOOT_FORMAT, signal));
  return records;
}
