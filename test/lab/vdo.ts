/** VDO for the builder machine of Debian 13, the first release with its module: the program that `lvcreate` formats it by. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import { unpackedPackages } from './packages.ts';

export async function addVdo({ host }: Lab, signal: AbortSignal): Promise<void> {
  const tree = await unpackedPackages('trixie', ['vdo']);
  await host.write('/usr/bin/vdoformat', await readFile(join(tree, 'usr/bin/vdoformat')), { mode: 0o755 }, signal);
}
