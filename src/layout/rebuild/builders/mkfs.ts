/** What the builders of filesystems share. */
import type { Command, Word } from '../../../plan/action.ts';
import { formatBytes } from '../../../kernel/units.ts';
import type { ComponentOf } from '../../types.ts';
import { command, type Deed, type Mended } from '../builder.ts';

type Filesystem = ComponentOf<'ext' | 'xfs' | 'btrfs' | 'vfat' | 'exfat' | 'ntfs' | 'f2fs' | 'jfs'>;

export const mkfsLimitMs = 30 * 60_000;

/** The deed that makes it; it may be begun once more at any time, as each of these tools starts from nothing. */
export function made({ id, type, label, sizeBytes, on }: Filesystem, commands: readonly Command[]): readonly Deed[] {
  const name = label === undefined ? (on[0] ?? id) : `"${label}"`;
  return [{ title: `make ${type} ${name}, ${formatBytes(sizeBytes)}`, commands }];
}

/** Why nobody knows how it was made. */
export function unread({ geometry, uuid, renewed }: Filesystem): string | undefined {
  const isKnown = renewed === true || (geometry !== undefined && uuid !== undefined);
  return isKnown ? undefined : 'it could not be read when it was captured';
}

/** It as its tool makes it by itself, where the disk has larger sectors than its blocks or sectors are. */
export function renewedOn<C extends Filesystem>(
  component: C,
  unitBytes: number | undefined,
  sectorBytes: number,
): Mended<C> | undefined {
  if (unitBytes === undefined || unitBytes >= sectorBytes) return undefined;
  const renewed: C = { ...component, renewed: true };
  delete renewed.geometry;
  return { component: renewed, note: sectorsNote(unitBytes, sectorBytes) };
}

export const sectorsNote = (unitBytes: number, sectorBytes: number): string =>
  `it had sectors or blocks of ${unitBytes} bytes, which are too small for sectors of ${sectorBytes}: it is made otherwise`;

/** What udev does not notice by itself: that something was changed while it still looked at what was there before. */
export const lookedAt = (at: Word): Command => command('udevadm', 'trigger', '--settle', '--action=change', at);

/** `name=value,name=value`, without what is `undefined`. */
export function suboptions(values: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(values)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
    .join(',');
}
