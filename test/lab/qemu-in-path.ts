/** The lab's QEMU as commands find it on a machine that has it installed. */
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unpackedQemu } from '../../src/qemu/program.ts';
import { labQemu } from './qemu.ts';

/** @returns a PATH with programs of that name, in a directory beside which its firmware lies */
export async function qemuInPath(directory: string): Promise<string> {
  const tree = await labQemu();
  const qemu = unpackedQemu(tree);
  const bin = join(directory, 'qemu/bin');
  await mkdir(bin, { recursive: true });
  await symlink(join(tree, 'usr/share'), join(directory, 'qemu/share'));
  const settings = Object.entries(qemu.env).map(([name, value]) => `export ${name}='${value}'\n`);
  for (const name of ['qemu-system-x86_64', 'qemu-img'] as const) {
    const argv = qemu.argv(name).map((word) => `'${word}'`);
    await writeFile(join(bin, name), `#!/bin/sh\n${settings.join('')}exec ${argv.join(' ')} "$@"\n`);
    await chmod(join(bin, name), 0o755);
  }
  return `${bin}:/usr/sbin:/usr/bin:/sbin:/bin`;
}
