/** What a checkpoint says of itself: `lifeboat.checkpoint/1`. It lies behind the archive, with the signature of the host over it. */
import { z } from 'zod';
import { parseDocument } from '../../kernel/document.ts';
import { containerSchema } from '../model/container.ts';

export const checkpointFormat = 'lifeboat.checkpoint/1';

/** Names in the archive. */
export const documentName = 'lifeboat/checkpoint.json';
export const signatureName = 'lifeboat/checkpoint.sig';
export const cpuName = 'lifeboat/cpuinfo.img';

const checkpointSchema = z.object({
  format: z.literal(checkpointFormat),
  createdAt: z.iso.datetime(),
  /** Of the host that it was made on, as lifeboat calls it. */
  host: z.string(),
  /** Of lifeboat. */
  version: z.string(),
  /** Of CRIU: an older one may not know what is in the images. */
  criu: z.string(),
  kernel: z.string(),
  architecture: z.string(),
  /** As it was when it was frozen. It has what is in its environment, secrets included, as the images have. */
  container: containerSchema,
  leftRunning: z.boolean(),
  /** What was said of open TCP connections; absent where there were none. */
  tcp: z.enum(['keep', 'close']).exactOptional(),
  /** The archive that the document lies behind. */
  content: z.object({ bytes: z.number().int().nonnegative(), sha256: z.string() }),
  members: z.array(z.object({ path: z.string(), bytes: z.number().int().nonnegative() })),
  /** CRIU's image of what the processor can do. */
  cpuSha256: z.string(),
});

/** In the directory of one that is being made: with it, whoever comes after a crash makes the container run again. */
export const intentName = 'lifeboat/intent.json';

const intentSchema = z.object({
  format: z.literal('lifeboat.checkpoint-begun/1'),
  container: containerSchema,
  tcp: z.enum(['keep', 'close']).exactOptional(),
});

export type Intent = z.infer<typeof intentSchema>;

/** @throws LifeboatError `newer-format`, `record-damaged` */
export function parseIntent(bytes: Uint8Array, file: string): Intent {
  return parseDocument(bytes, intentSchema, 'lifeboat.checkpoint-begun/1', file);
}

export type Checkpoint = z.infer<typeof checkpointSchema>;

/** @throws LifeboatError `newer-format`, `record-damaged` */
export function parseCheckpoint(bytes: Uint8Array, file: string): Checkpoint {
  return parseDocument(bytes, checkpointSchema, checkpointFormat, `the checkpoint ${file}`);
}
