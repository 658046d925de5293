import { z } from 'zod';
import type { Argv } from '../../host/host.ts';

/** Lists all signatures on a device, also those of which blkid says none, as there are several. Writes nothing. */
export const wipefsArgv = (device: string): Argv => ['wipefs', '--no-act', '--json', device];

const answerSchema = z.object({ signatures: z.array(z.object({ offset: z.string(), type: z.string() })) });

/** As `ext4 at 0x438`. Where there is none, some versions print nothing. */
export function parseWipefs(stdout: string): string[] {
  if (stdout.trim() === '') return [];
  return answerSchema.parse(JSON.parse(stdout)).signatures.map(({ offset, type }) => `${type} at ${offset}`);
}
