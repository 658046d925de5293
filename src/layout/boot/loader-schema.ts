/** What is recorded of a boot loader. */
import { z } from 'zod';
import { common, text } from '../handler.ts';
import { entrySchema } from './bls.ts';
import { binarySchema } from './efi-binaries.ts';

export const loaderTypes = [
  'grub-pc',
  'grub-efi',
  'grub-ieee1275',
  'systemd-boot',
  /** Entries of the Boot Loader Specification, which systemd-boot and some GRUBs read. */
  'bls',
  /** Kernels that are EFI programs with all they need in them. */
  'uki',
  /** A kernel that an EFI boot entry starts directly. */
  'efi-stub',
  'extlinux',
  'syslinux',
  /** Alone: it looks for loaders and makes boot entries for them. */
  'shim',
  'windows',
  'refind',
  'limine',
  'lilo',
  'grub-legacy',
  'zipl',
  'u-boot',
  'raspberry-pi',
  'other',
] as const;

export const loaderSchema = z.object({
  kind: z.literal('loader'),
  ...common,
  type: z.enum(loaderTypes),
  /** Whose boot sector it is in, as last seen: no identity. */
  device: text,
  /** A directory or file on the host, or on an EFI system partition from its top. */
  path: text,
  /** In the directory that firmware tries on a disk for which it has no boot entry. */
  removable: z.boolean().exactOptional(),
  version: text,
  /** Name of its directory, by which grub-install(8) is told to make it again. */
  distributor: text,
  /** Configuration files on the host. */
  config: z.array(z.string()),
  /** Values of `loader.conf`, of the file for extlinux, or of `/etc/default/grub` but for command lines. */
  settings: z.record(z.string(), z.string()).exactOptional(),
  /** Its EFI programs. */
  binaries: z.array(binarySchema),
  entries: z.array(entrySchema),
  /** Of GRUB for BIOS: where the rest of it begins, in sectors of 512 bytes from the start of the device. */
  core: z
    .object({
      sector: z.number().nonnegative(),
      sectors: z.number().nonnegative().exactOptional(),
      /** Id of the partition that it lies in; absent for the gap before the first. */
      partition: text,
    })
    .exactOptional(),
  /** Code of a boot sector that no tool may be there to install again: 440 bytes in base64. */
  code: text,
  /** Label of the EFI boot entry that starts it, and what it is given. */
  efiEntry: z.object({ label: z.string(), arguments: text }).exactOptional(),
});

export type Loader = z.infer<typeof loaderSchema>;
