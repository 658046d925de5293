/** Whose code stands in the first sectors of a disk or partition. */
import type { Argv } from '../../host/host.ts';

/** The boot sector; with `more`, also the place where U-Boot of Allwinner boards begins, and notes in an ELF file. */
export function headArgv(device: string, more: boolean): Argv {
  return ['dd', `if=${device}`, `bs=${more ? 12288 : 512}`, 'count=1', 'status=none'];
}

/** One sector: never more, wherever a pointer leads. */
export function sectorArgv(device: string, sector: number): Argv {
  return ['dd', `if=${device}`, 'bs=512', `skip=${sector}`, 'count=1', 'status=none'];
}

export type BootCode =
  | { readonly type: 'grub-pc'; readonly coreSector: number }
  | {
      readonly type: 'syslinux' | 'extlinux' | 'lilo' | 'windows' | 'zipl' | 'u-boot' | 'grub-ieee1275' | 'grub-legacy';
    }
  | { readonly type: 'other' };

/** Where code ends and a partition table begins. */
const codeBytes = 440;

/** `undefined` where there is no code: zeros, or a filesystem that needs none. */
export function bootCode(head: Buffer): BootCode | undefined {
  if (head.length < 512) throw new Error('not a whole sector');
  const sector = head.subarray(0, 512);
  const has = (text: string) => sector.includes(text, 0, 'latin1');
  if (head.toString('latin1', 0, 4) === '\x7fELF') {
    return {
      type: head.includes('IEEE1275', 0, 'latin1') || head.includes('PowerPC', 0, 'latin1') ? 'grub-ieee1275' : 'other',
    };
  }
  if (sector.toString('latin1', 0, 4) === 'zIPL') return { type: 'zipl' };
  if (head.toString('latin1', 8196, 8204) === 'eGON.BT0') return { type: 'u-boot' };
  if (sector.readUInt16LE(510) !== 0xaa55) return undefined;
  // GRUB 2 and GRUB 0.9 share their messages; the former has the pointer to its core where the latter has code.
  if (has('GRUB ') && has('Geom')) return grub(sector);
  if (/^(SYSLINUX|EXTLINUX)/.test(sector.toString('latin1', 3, 11))) {
    return { type: sector.toString('latin1', 3, 11).startsWith('E') ? 'extlinux' : 'syslinux' };
  }
  if (sector.toString('latin1', 6, 10) === 'LILO') return { type: 'lilo' };
  if (['Operating system load error.\r\n', 'Missing OS\r\n'].some(has)) return { type: 'syslinux' };
  if (has('Invalid partition table') || has('BOOTMGR') || has('NTLDR')) return { type: 'windows' };
  // What mkfs writes, so that a person who starts from it is told.
  if (has('This is not a bootable disk')) return undefined;
  return sector.subarray(0, codeBytes).every((byte) => byte === 0) ? undefined : { type: 'other' };
}

function grub(sector: Buffer): BootCode {
  const low = sector.readUInt32LE(0x5c);
  const high = sector.readUInt32LE(0x60);
  // 0x3e: version of the stage2 interface in GRUB 0.9; in GRUB 2 that place is part of the parameter block, and zero.
  if (sector.readUInt8(0x3e) === 3 && sector.readUInt8(0x3f) === 2) return { type: 'grub-legacy' };
  return { type: 'grub-pc', coreSector: high * 2 ** 32 + low };
}

/** The first sector of GRUB's core image: how many sectors follow it, or `undefined` where it is none. */
export function coreSectors(sector: Buffer): number | undefined {
  if (sector.length < 512 || !sector.includes('loading', 0, 'latin1') || !sector.includes('Geom', 0, 'latin1'))
    return undefined;
  // A list of blocks grows down from the end: start (8 bytes), number (2), segment (2); a number of 0 ends it.
  let count = 1;
  for (let at = 0x1f4; at > 0x100; at -= 12) {
    const length = sector.readUInt16LE(at + 8);
    if (length === 0) break;
    count += length;
  }
  return count;
}

/** The code itself, for putting back what no tool installs: base64, without the partition table. */
export function savedCode(head: Buffer): string {
  return head.subarray(0, codeBytes).toString('base64');
}
