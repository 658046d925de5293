/** What a medium says of itself, `lifeboat.medium/1`: what it was made of, by which one can tell whether it still fits the host. */
import { z } from 'zod';

export const mediumFormat = 'lifeboat.medium/1';

export const mediumSchema = z.strictObject({
  format: z.literal(mediumFormat),
  /** By which the rescue system finds its own medium among others. */
  id: z.string(),
  made: z.iso.datetime(),
  host: z.string(),
  /** Version of lifeboat. */
  version: z.string(),
  kernel: z.strictObject({ version: z.string(), sha256: z.string() }),
  base: z.strictObject({ digest: z.string(), resolved: z.string() }),
  /** Digests of what of the host it was made for. */
  of: z.record(z.string(), z.string()),
  /** Names of modules of the kernel. */
  modules: z.array(z.string()),
  /** Those of them that ask for firmware of which there was none. */
  unserved: z.array(z.string()).exactOptional(),
  /** Fingerprint of the key by which its ssh server is known; absent where it has none. */
  hostKey: z.string().exactOptional(),
  /** Its configuration is signed by the host. */
  signed: z.literal(true).exactOptional(),
  /** What it holds that opens something, in words; empty by default. */
  secrets: z.array(z.string()),
});

export type Medium = z.infer<typeof mediumSchema>;
