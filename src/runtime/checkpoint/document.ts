/** What a checkpoint says of itself: `lifeboat.checkpoint/1`. It lies behind the archive, with the signature of the host over it. */
import { z } from 'zod';
import { parseDocument } from '../../kernel/document.ts';
import { containerSchema } from '../model/container.ts';
import { networkSchema } from './locked-network.ts';
import { workerSchema } from './worker.ts';

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
  /** Of CRIU: an older one may not know what is in the images. Absent where there are none. */
  criu: z.string().exactOptional(),
  kernel: z.string(),
  architecture: z.string(),
  /** As it was when it was frozen. It has what is in its environment, secrets included, as the images have. */
  container: containerSchema,
  leftRunning: z.boolean(),
  /** It was stopped and copied: nothing of its memory is here, and a restore starts it from its beginning. */
  withoutMemory: z.literal(true).exactOptional(),
  /** What was said of open TCP connections; absent where there were none. */
  tcp: z.enum(['keep', 'close']).exactOptional(),
  /** The archive that the document lies behind. */
  content: z.object({ bytes: z.number().int().nonnegative(), sha256: z.string() }),
  members: z.array(z.object({ path: z.string(), bytes: z.number().int().nonnegative() })),
  /** CRIU's image of what the processor can do. Absent where it makes no difference. */
  cpuSha256: z.string().exactOptional(),
});

/** In the directory of one that is being made or restored: with it, whoever comes after a crash knows what was begun. */
export const intentName = 'lifeboat/intent.json';

export const checkpointBegun = 'lifeboat.checkpoint-begun/1';
export const restoreBegun = 'lifeboat.restore-begun/1';

const tcpSchema = z.enum(['keep', 'close']).exactOptional();

/** What there was before a restore, so that what it makes is known from what was there. */
export const beforeSchema = z.object({
  /** Directories of cgroups that have the name of one of its own. */
  cgroups: z.array(z.string()),
  /** Volumes that it will make. */
  volumes: z.array(z.string()),
});

export type Before = z.infer<typeof beforeSchema>;

const intentSchema = z.discriminatedUnion('format', [
  z.object({
    format: z.literal(checkpointBegun),
    by: workerSchema.exactOptional(),
    container: containerSchema,
    tcp: tcpSchema,
    network: networkSchema.exactOptional(),
    /** Tasks that somebody had stopped, and a cgroup that holds all of them. */
    stopped: z.array(z.number()).exactOptional(),
    freezeCgroup: z.string().exactOptional(),
    /** It is stopped and copied, and not frozen: where it is being stopped, it is to be started again. */
    copy: z.enum(['stopping', 'started']).exactOptional(),
  }),
  z.object({
    format: z.literal(restoreBegun),
    by: workerSchema,
    /** Absent as long as nothing is made: the file is being read. */
    making: z
      .object({
        container: containerSchema,
        name: z.string().exactOptional(),
        before: beforeSchema,
        withoutMemory: z.literal(true).exactOptional(),
      })
      .exactOptional(),
  }),
]);

export type Intent = z.infer<typeof intentSchema>;
export type CheckpointIntent = Extract<Intent, { format: typeof checkpointBegun }>;
export type RestoreIntent = Extract<Intent, { format: typeof restoreBegun }>;

/** @throws LifeboatError `newer-format`, `record-damaged` */
export function parseIntent(bytes: Uint8Array, file: string): Intent {
  const isRestore = Buffer.from(bytes).includes(`"format":"${restoreBegun.split('/')[0]}`);
  return parseDocument(bytes, intentSchema, isRestore ? restoreBegun : checkpointBegun, file);
}

export type Checkpoint = z.infer<typeof checkpointSchema>;

/** @throws LifeboatError `newer-format`, `record-damaged` */
export function parseCheckpoint(bytes: Uint8Array, file: string): Checkpoint {
  return parseDocument(bytes, checkpointSchema, checkpointFormat, `the checkpoint ${file}`);
}
