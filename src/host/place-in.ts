/** Places in a system that is mounted below a directory, as that system itself will see them: its links never lead out of it. */
import { readlink } from 'node:fs/promises';
import { join } from 'node:path/posix';
import { hasErrno, LifeboatError } from '../kernel/errors.ts';
import { nameFromBytes, nameToBytes, printable } from '../kernel/text.ts';

/** As many as the kernel follows. */
const mostLinks = 40;

/**
 * @param root where it is mounted
 * @param path absolute, in the system
 * @returns where that is from here, with no link below `root` on the way; what is not there, as it would be made
 * @throws LifeboatError `untrusted` for links that go round in a circle
 */
export async function placeIn(root: string, path: string): Promise<string> {
  const left = path.split('/');
  let at: readonly string[] = [];
  for (let links = 0; left.length > 0; ) {
    const part = left.shift() ?? '';
    if (part === '' || part === '.') continue;
    if (part === '..') {
      at = at.slice(0, -1);
      continue;
    }
    const target = await linkAt(join(root, ...at, part));
    if (target === undefined) {
      at = [...at, part];
      continue;
    }
    links += 1;
    if (links > mostLinks)
      throw new LifeboatError('untrusted', printable(`links below ${root} lead ${path} in a circle`));
    if (target.startsWith('/')) at = [];
    left.unshift(...target.split('/'));
  }
  return join(root, ...at);
}

/** `undefined` for what is no link, or is not there. */
async function linkAt(path: string): Promise<string | undefined> {
  try {
    return nameFromBytes(await readlink(nameToBytes(path), { encoding: 'buffer' }));
  } catch (error) {
    if (hasErrno(error, 'EINVAL', 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
