/** A hybrid image: boots from a CD and from a stick, by BIOS and by UEFI, also where only what is signed is started. */
import { mkdir, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tools } from '../tools.ts';
import type { Format, FormatPlace, FormatSource } from './format.ts';
import { grubConfig } from './grub-config.ts';
import { addUefi, diskPrograms } from './uefi.ts';

/** Modules of GRUB that it starts with under BIOS. */
const biosModules =
  'biosdisk iso9660 part_gpt part_msdos fat normal configfile linux echo test serial terminal search search_fs_file gzio all_video';

/** Room beside the programs that UEFI starts: for the menu, and what the filesystem itself takes. */
const spareBytes = 256 << 10;

export const iso: Format = {
  name: 'iso',
  makes: 'file',
  write: writeIso,
};

/** Puts what starts it below the source's directory. */
async function writeIso(
  { directory, id, entries }: FormatSource,
  { tools, work, output: file }: FormatPlace,
  signal: AbortSignal,
): Promise<void> {
  const grub = join(directory, 'boot/grub');
  await mkdir(grub, { recursive: true });
  const menu = grubConfig(id, entries);
  await writeFile(join(grub, 'grub.cfg'), menu);
  await tools.run(
    'grub-mkimage',
    [
      '-O',
      'i386-pc-eltorito',
      '-d',
      tools.file('usr/lib/grub/i386-pc'),
      '-p',
      '/boot/grub',
      '-o',
      join(grub, 'eltorito.img'),
      ...biosModules.split(' '),
    ],
    {},
    signal,
  );
  const esp = join(work, 'esp.img');
  await writeEsp(esp, menu, tools, signal);
  await tools.run(
    'xorriso',
    [
      '-as',
      'mkisofs',
      '-o',
      file,
      '-V',
      'LIFEBOAT',
      '-r',
      '-J',
      '-joliet-long',
      '-iso-level',
      '3',
      '-quiet',
      '-b',
      'boot/grub/eltorito.img',
      '-no-emul-boot',
      '-boot-load-size',
      '4',
      '-boot-info-table',
      '--grub2-boot-info',
      '--grub2-mbr',
      tools.file('usr/lib/grub/i386-pc/boot_hybrid.img'),
      '-partition_offset',
      '16',
      '-append_partition',
      '2',
      '0xef',
      esp,
      '-appended_part_as_gpt',
      '-eltorito-alt-boot',
      '-e',
      '--interval:appended_partition_2:all::',
      '-no-emul-boot',
      directory,
    ],
    { timeoutMs: 600_000 },
    signal,
  );
}

async function writeEsp(file: string, menu: string, tools: Tools, signal: AbortSignal): Promise<void> {
  const programs = Object.values(diskPrograms).map(async (path) => (await stat(tools.file(path))).size);
  const bytes = (await Promise.all(programs)).reduce((sum, size) => sum + size, spareBytes);
  await writeFile(file, '');
  await truncate(file, Math.ceil(bytes / spareBytes) * spareBytes);
  await tools.run('mkfs.vfat', ['-n', 'LIFEBOAT-EF', '-i', '1B0A7E57', file], {}, signal);
  await addUefi(file, menu, tools, signal);
}
