import { delimiter, join } from 'node:path';
import { exists } from './cache.ts';
import { unpackedPackage } from './debian-package.ts';

/**
 * The directory with Debian's `age` and `age-keygen` in it.
 *
 * @throws Error with the reason where there is none and no way to get it
 */
export async function findAge(): Promise<string> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    if (directory !== '' && (await exists(join(directory, 'age')))) return directory;
  }
  return join(await unpackedPackage('age'), 'usr/bin');
}
