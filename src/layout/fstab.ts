/** What a mount or a swap has in its component of its line in `/etc/fstab`. */
import { z } from 'zod';
import { redactOptions, redactSource } from '../kernel/secret.ts';
import type { FstabEntry } from './tools/fstab.ts';

export const fstabLineSchema = z.object({
  /** Device, `UUID=…`, `server:/path`, … as it stands there. */
  spec: z.string(),
  type: z.string(),
  options: z.string(),
  dump: z.number(),
  /** In which round it is checked at start; 0 for never. */
  pass: z.number(),
});

export type FstabLine = z.infer<typeof fstabLineSchema>;

/** Without what looks like a password; so a line in which only that has changed looks the same. */
export function fstabLine({ spec, type, options, dump, pass }: FstabEntry): FstabLine {
  return { spec: redactSource(spec, type), type, options: redactOptions(options), dump, pass };
}
