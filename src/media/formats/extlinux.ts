/** extlinux in place of GRUB under BIOS, for machines whose firmware GRUB does not get along with. */
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tools } from '../tools.ts';
import type { Extent } from './disk.ts';
import type { MenuEntry } from './format.ts';
import { writeBootCode } from './grub-bios.ts';

/** Programs of the menu. */
const parts = ['menu.c32', 'libutil.c32', 'libcom32.c32'];

/** @param medium the FAT filesystem with `lifeboat/` */
export async function writeExtlinux(
  disk: string,
  medium: Extent,
  entries: readonly MenuEntry[],
  tools: Tools,
  work: string,
  signal: AbortSignal,
): Promise<void> {
  const image = `${disk}@@${medium.start}`;
  const config = join(work, 'syslinux.cfg');
  await writeFile(config, extlinuxConfig(entries, '/lifeboat'));
  await tools.run('mmd', ['-D', 's', '-i', image, '::/syslinux'], {}, signal);
  const modules = parts.map((name) => tools.file(`usr/lib/syslinux/modules/bios/${name}`));
  for (const from of [config, ...modules]) await tools.run('mcopy', ['-i', image, from, '::/syslinux/'], {}, signal);
  const place = ['--install', '--directory', '/syslinux', '--offset', String(medium.start), disk];
  await tools.run('syslinux', place, { env: { PATH: await mtoolsIn(work, tools) } }, signal);
  await using file = await open(disk, 'r+');
  await writeBootCode(file, await readFile(tools.file('usr/lib/syslinux/mbr/gptmbr.bin')));
}

/** The installer calls mtools by their names. @returns a directory in which they are found, before those of the host */
async function mtoolsIn(work: string, tools: Tools): Promise<string> {
  const directory = join(work, 'mtools');
  await mkdir(directory, { recursive: true });
  for (const name of ['mcopy', 'mattrib', 'mmove']) {
    const words = (await tools.argv(name, [])).map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
    await writeFile(join(directory, name), `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`, { mode: 0o755 });
  }
  return `${directory}:/usr/bin:/bin`;
}

/** Also for pxelinux. @param folder of kernel and first stage */
export function extlinuxConfig(entries: readonly MenuEntry[], folder: string): string {
  return `SERIAL 0 115200
DEFAULT menu.c32
PROMPT 0
TIMEOUT 20
${entries
  .map(
    ({ title, words }, index) => `LABEL ${index}
  MENU LABEL ${title}
  KERNEL ${folder}/vmlinuz
  INITRD ${folder}/initrd
  APPEND ${words.join(' ')}
`,
  )
  .join('')}`;
}
