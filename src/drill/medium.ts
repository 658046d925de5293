/** That the medium of a drill is the one that it is taken for: what it starts is handed the key of the host. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { explaining, LifeboatError } from '../kernel/errors.ts';
import { throwIfAborted } from '../kernel/wait.ts';

export async function digestOfFile(file: string, signal: AbortSignal): Promise<string> {
  return await explaining(`read ${file}`, async () => {
    const sha = createHash('sha256');
    for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
      throwIfAborted(signal);
      sha.update(chunk);
    }
    return sha.digest('hex');
  });
}

/** @throws LifeboatError `untrusted` where it is no longer what it was */
export async function checkMedium(
  { file, sha256 }: { readonly file: string; readonly sha256: string },
  signal: AbortSignal,
): Promise<void> {
  if ((await digestOfFile(file, signal)) === sha256) return;
  throw new LifeboatError('untrusted', `the rescue medium ${file} has changed since it was made, and is given no key`, {
    hint: 'Find out who changed it. A drill without --medium makes one of its own.',
  });
}
