/** What a header of LUKS says, without what opens the volume. */
import { z } from 'zod';
import { tokenSchema } from './luks-token.ts';

const count = z.number().nonnegative();

const slotSchema = z.object({
  number: count,
  /** What version 2 calls it, if not `luks2`: `reencrypt`. */
  type: z.string().exactOptional(),
  /** It gives a key with which no data is encrypted. */
  unbound: z.literal(true).exactOptional(),
  /** Of the key that it gives. */
  keyBytes: count.exactOptional(),
  /** Whether it is tried before others, or only when it is named. */
  priority: z.enum(['ignore', 'prefer']).exactOptional(),
  /** What its own area is encrypted with, if not as the data. */
  cipher: z.string().exactOptional(),
  cipherKeyBytes: count.exactOptional(),
  pbkdf: z
    .object({
      type: z.string(),
      hash: z.string().exactOptional(),
      iterations: count.exactOptional(),
      time: count.exactOptional(),
      memoryKiB: count.exactOptional(),
      threads: count.exactOptional(),
    })
    .exactOptional(),
  /** Of the anti-forensic splitter. */
  stripes: count.exactOptional(),
  stripesHash: z.string().exactOptional(),
  offsetBytes: count,
  lengthBytes: count.exactOptional(),
});

/** Everything that `cryptsetup luksFormat` and its sisters have to be told, but for UUID, label and subsystem. */
export const luksSettingsSchema = z.object({
  version: z.union([z.literal(1), z.literal(2)]),
  /** As in `aes-xts-plain64`; absent while it is decrypted for good. */
  cipher: z.string().exactOptional(),
  keyBytes: count.exactOptional(),
  /** Of the digest by which a key is known as the right one. */
  hash: z.string().exactOptional(),
  sectorSize: count,
  /** Where the data begins on its device. */
  offsetBytes: count,
  /** Absent where the data reach to the end of the device. */
  lengthBytes: count.exactOptional(),
  ivOffset: count.exactOptional(),
  integrity: z
    .object({
      type: z.string(),
      journalEncryption: z.string(),
      journalIntegrity: z.string(),
      keyBytes: count.exactOptional(),
    })
    .exactOptional(),
  /** What encrypts, if not the kernel: `hw-opal`, `hw-opal-crypt`. */
  segmentType: z.string().exactOptional(),
  /** Which range of the drive, of what size, and how long a part of the key is the drive's. */
  opal: z.object({ range: count, sizeBytes: count, keyBytes: count }).exactOptional(),
  /** Of each of the two headers of version 2, and of the area of all slots. */
  metadataBytes: count.exactOptional(),
  keyslotsBytes: count.exactOptional(),
  /** Kept options of opening, such as `allow-discards`. */
  flags: z.array(z.string()),
  /** What a program must know to open it, such as `online-reencrypt-v2` while that goes on. */
  requirements: z.array(z.string()),
  slots: z.array(slotSchema),
  tokens: z.array(tokenSchema),
});

export type LuksSettings = z.infer<typeof luksSettingsSchema>;
export type LuksSlot = z.infer<typeof slotSchema>;
