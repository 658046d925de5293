/** LUKS headers in points of a sandbox with keys, as a backup of a host with such volumes keeps them. */
import { randomBytes } from 'node:crypto';
import { noSecrets } from '../../src/kernel/secret.ts';
import { readHostKey } from '../../src/keys/host-key.ts';
import { keyringOfHostKey } from '../../src/keys/ring.ts';
import { putEscrow } from '../../src/point/escrow.ts';
import { findPoint } from '../../src/point/find.ts';
import { putRecord, removeRecord } from '../../src/point/record-objects.ts';
import { openTarget } from '../../src/target/targets.ts';
import type { KeyedSandbox } from './keyed.ts';

export const volume = '0b0f1a4e-0300-4000-8000-000000000004';

/**
 * Gives a point headers, of {@link volume} and of another.
 *
 * @returns the image of the first
 */
export async function giveHeaders(box: KeyedSandbox, point: string): Promise<Buffer> {
  const { signal } = new AbortController();
  await using target = await openTarget(`file://${box.repository}`, { secrets: noSecrets }, signal);
  const repository = { target, keys: keyringOfHostKey(readHostKey(box.keyFile)) };
  const listed = (await findPoint(repository, 'box', point, signal)).point;
  const [head, slot] = [randomBytes(32_768), randomBytes(258_048)];
  const kept = {
    version: 2,
    sizeBytes: 1024 * 1024,
    parts: [
      { offsetBytes: 0, bytes: head },
      { offsetBytes: 290_816, bytes: slot },
    ],
  } as const;
  const copied = [
    { ...kept, uuid: volume },
    { ...kept, uuid: 'another', parts: [{ offsetBytes: 512, bytes: slot }] },
  ];
  const missing = [{ subject: 'luks:third', problem: 'its LUKS header is not kept: it is not known where it is' }];
  const readAt = new Date(Date.now() - 86_400_000).toISOString();
  const escrow = await putEscrow(repository, 'box', listed.id, { readAt, copied, missing }, signal);
  await removeRecord(repository, 'box', 'points', listed.id, signal);
  await putRecord(repository, 'box', 'points', listed.id, { ...listed, escrow }, signal);
  const image = Buffer.alloc(kept.sizeBytes);
  head.copy(image, 0);
  slot.copy(image, 290_816);
  return image;
}
