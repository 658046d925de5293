/** The names of the rules and what each does, for whoever only has to print them. */
export const rules = {
  'no-raid': 'an array of md becomes its first member alone',
  mirror: 'a disk is mirrored by md onto one more',
  'one-disk': 'everything is made on this disk alone',
  uefi: 'a machine that started by BIOS from this disk starts by UEFI: GPT and an EFI system partition',
  bios: 'a machine that started by UEFI from this disk starts by BIOS: no EFI system partition',
  'no-luks': 'an encrypted volume is not encrypted any more',
  'new-luks': 'an encrypted volume is made with another key, under its old UUID, instead of by its old header',
  'no-thin': 'the volumes of a thin pool of LVM become plain ones',
  ext4: 'a filesystem of another kind becomes ext4',
  xfs: 'a filesystem of another kind becomes xfs',
  btrfs: 'a filesystem of another kind becomes btrfs',
} as const;

export type Rule = keyof typeof rules;
