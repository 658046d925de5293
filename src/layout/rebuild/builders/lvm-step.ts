/** What is done to make a volume, and what all of that shares. */
import type { Command, Word } from '../../../plan/action.ts';
import type { ComponentOf } from '../../types.ts';
import { option, type Site } from '../builder.ts';
import type { Piece } from './lvm-places.ts';

/**
 * What takes the very extents that it had comes first in all of a group; then what LVM finds room for beside that; then what is made of
 * those.
 */
export const phases = ['place', 'find', 'join'] as const;

export interface Step {
  readonly phase: (typeof phases)[number];
  readonly command: Command;
}

/** Where a volume is made. */
export interface Context {
  readonly volume: ComponentOf<'lv'>;
  readonly group: ComponentOf<'vg'>;
  readonly site: Site;
  /** Whether room is set aside to repair the metadata of pools with: once for all of a group. */
  readonly spare: boolean;
}

export const bytes = (count: number | undefined): string | undefined => (count === undefined ? undefined : `${count}b`);

export const size = ({ sizeBytes }: Pick<Piece, 'sizeBytes'>): string[] => option('--size', bytes(sizeBytes));

export const named = (name: string, settings: readonly Word[]): Word[] => [
  '--yes',
  ...option('--name', name),
  ...option('--wipesignatures', 'y'),
  ...settings,
];
