import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import type { Argv } from '../../host/host.ts';
import type { BlockDevice } from './lsblk.ts';

/** Low-level probing: reads the devices and writes no cache. Answers 2 when it knew nothing about some device. */
export function blkidArgv(devices: readonly string[]): Argv {
  return ['blkid', '-p', '-o', 'export', ...devices];
}

export const blkidOkCodes = [0, 2, 8] as const;

const recordSchema = z.looseObject({ DEVNAME: z.string() }).catchall(z.string());

/** What a probe found on a device: the fields of {@link BlockDevice} that lsblk leaves empty where udev does not run. */
export type Probed = Pick<
  BlockDevice,
  | 'fstype'
  | 'label'
  | 'uuid'
  | 'table'
  | 'tableUuid'
  | 'partType'
  | 'partName'
  | 'partUuid'
  | 'partFlags'
  | 'partitionNumber'
>;

/** `blkid -o export` → what was found, by device path. Empty output is an answer: nothing was found. */
export function parseBlkid(stdout: string): Map<string, Probed> {
  const found = new Map<string, Probed>();
  for (const block of stdout.split(/\n\n+/)) {
    const lines = block.split('\n').filter((line) => line !== '');
    if (lines.length === 0) continue;
    const fields = lines.map((line): [string, string] => {
      const [, key, value] = /^([A-Z][A-Z0-9_]*)=(.*)$/s.exec(line) ?? [];
      if (key === undefined || value === undefined) throw new Error(`not a field: ${JSON.stringify(line)}`);
      return [key, unescape(value)];
    });
    const record = recordSchema.parse(Object.fromEntries(fields));
    const number = Number(record['PART_ENTRY_NUMBER'] ?? Number.NaN);
    found.set(
      record.DEVNAME,
      present({
        fstype: record['TYPE'],
        label: record['LABEL'],
        uuid: record['UUID'],
        table: record['PART_ENTRY_SCHEME'] ?? record['PTTYPE'],
        tableUuid: record['PTUUID'],
        partType: record['PART_ENTRY_TYPE'],
        partName: record['PART_ENTRY_NAME'],
        partUuid: record['PART_ENTRY_UUID'],
        partFlags: record['PART_ENTRY_FLAGS'],
        partitionNumber: Number.isInteger(number) ? number : undefined,
      }),
    );
  }
  return found;
}

/** `export` puts a backslash before what a shell would read. */
function unescape(value: string): string {
  return value.replace(/\\(.)/gs, '$1');
}
