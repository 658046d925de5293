import { open } from 'node:fs/promises';
import { explaining } from '../kernel/errors.ts';
import { flock } from '../native/file.ts';

/**
 * Takes the kernel's lock on a file, which falls with the process that holds it, however that ends.
 *
 * @returns the lock, or `undefined` when another process has it
 */
export async function lockFile(path: string): Promise<AsyncDisposable | undefined> {
  return explaining(`lock ${path}`, async () => {
    const file = await open(path, 'a', 0o600);
    if (flock(file.fd, 'exclusive', true)) {
      return { [Symbol.asyncDispose]: () => file.close() };
    }
    await file.close();
    return undefined;
  });
}
