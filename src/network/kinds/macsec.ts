/** MACsec (iproute2 `ip/ipmacsec.c`). Its keys are asked for by nobody; which of them it sends with is state. */
import { z } from 'zod';
import { fieldsText, flag, number, text } from './common.ts';

export const macsec = z.object({
  kind: z.literal('macsec'),
  sci: text,
  cipher_suite: text,
  icv_len: number,
  protect: flag,
  validation: text,
  encrypt: flag,
  inc_sci: flag,
  es: flag,
  scb: flag,
  replay_protect: flag,
  window: number,
  offload: text,
});

/** What iproute2 prints only in later versions. */
export const macsecDefaults = { offload: 'off' };

export function macsecText({ sci, cipher_suite, encrypt }: z.infer<typeof macsec>): string {
  return fieldsText({ sci, cipher_suite, encrypt });
}
