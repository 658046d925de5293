/** A boot loader that the release itself installs. */
import { writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { command, run, within } from './commands.ts';
import { device } from './disks.ts';

/** Version of the kernel that runs, without the name of its build. */
export const kernel = release().replace(/-.*$/, '');

const settings = `GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_DISTRIBUTOR="Debian"
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX="console=ttyS0,115200n8"
GRUB_DISABLE_OS_PROBER=true
`;

/** GRUB for BIOS on the GPT disk, once `/boot` is mounted. Of kernel and initial ramdisk there are the names only. */
export function installLoader(root: string): void {
  writeFileSync(join(root, 'etc/default/grub'), settings);
  for (const name of ['vmlinuz', 'initrd.img']) writeFileSync(join(root, `boot/${name}-${kernel}`), 'a stand-in\n');
  run(within(root, command('grub-install --target=i386-pc --no-floppy', device('gpt'))));
  run(within(root, command('grub-mkconfig -o /boot/grub/grub.cfg')));
}
