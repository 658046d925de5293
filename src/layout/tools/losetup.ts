import { z } from 'zod';
import type { Argv } from '../../host/host.ts';

export const losetupArgv: Argv = [
  'losetup',
  '--json',
  '--list',
  '--output',
  'MAJ:MIN,BACK-FILE,BACK-MAJ:MIN,OFFSET,SIZELIMIT,LOG-SEC,PARTSCAN,DIO',
];

/** The file that a loop device shows. */
export interface Backing {
  /** Its path, as the kernel has it now. */
  readonly file: string;
  /** It has no name any more: with the device it is gone. */
  readonly removed: boolean;
  /** `major:minor` of the filesystem that holds it. */
  readonly filesystem: string;
  readonly offsetBytes: number;
  /** 0 for all that follows. */
  readonly limitBytes: number;
  readonly sectorSize?: number;
  /** The kernel looks for a partition table on it. */
  readonly partitions: boolean;
  readonly directIo: boolean;
  /** So many others before it show the same of the same path. */
  readonly again?: number;
}

const number = z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)]);
const flag = z.union([z.boolean(), z.enum(['0', '1']).transform((digit) => digit === '1')]);

const answerSchema = z.object({
  loopdevices: z.array(
    z.object({
      'maj:min': z.string(),
      'back-file': z.string().nullish(),
      'back-maj:min': z.string().nullish(),
      offset: number.nullish(),
      sizelimit: number.nullish(),
      'log-sec': number.nullish(),
      partscan: flag.nullish(),
      dio: flag.nullish(),
    }),
  ),
});

/** By device number; without those that show no file. Where there is none it prints nothing. */
export function parseLosetup(stdout: string): Map<string, Backing> {
  if (stdout.trim() === '') return new Map();
  const { loopdevices } = answerSchema.parse(JSON.parse(stdout));
  return new Map(
    loopdevices.flatMap((one) => {
      const path = one['back-file'];
      if (path == null || path === '') return [];
      const backing: Backing = {
        file: path.replace(/ \(deleted\)$/, ''),
        removed: path.endsWith(' (deleted)'),
        filesystem: one['back-maj:min']?.trim() ?? '',
        offsetBytes: one.offset ?? 0,
        limitBytes: one.sizelimit ?? 0,
        partitions: one.partscan ?? false,
        directIo: one.dio ?? false,
        ...(one['log-sec'] == null ? {} : { sectorSize: one['log-sec'] }),
      };
      return [[one['maj:min'].trim(), backing] as const];
    }),
  );
}
