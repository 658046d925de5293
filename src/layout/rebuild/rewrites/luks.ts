/** LUKS is left away, or made anew with another key. Who names no rule gets the old header back. */
import type { ComponentOf } from '../../types.ts';
import { find, nameOf, restacked, withChanged, without } from './edit.ts';
import { retyped } from './partitions.ts';
import type { Rewrite } from './rewrite.ts';

export const noLuks: Rewrite<ComponentOf<'luks'>> = {
  rule: 'no-luks',
  kinds: ['luks'],
  problem: ({ on }) => (on.length === 1 ? undefined : 'it lies on several devices'),
  rewrite(volume, layout) {
    const [under = ''] = volume.on;
    const plain = without(restacked(layout, new Set([volume.id]), under), new Set([volume.id]));
    const line = volume.crypttab === undefined ? '' : ', and its line in crypttab is in the way';
    return {
      layout: find(plain, under).kind === 'partition' ? retyped(plain, under) : plain,
      notes: [`${nameOf(volume)} is not encrypted any more${line}`],
    };
  },
};

export const newLuks: Rewrite<ComponentOf<'luks'>> = {
  rule: 'new-luks',
  kinds: ['luks'],
  problem({ uuid, on, geometry }) {
    if (uuid === undefined || geometry === undefined) return 'its header could not be read when it was captured';
    return on.length === 1 ? undefined : 'it lies on several devices';
  },
  rewrite(volume, layout) {
    const { geometry, header: _, ...rest } = volume;
    if (geometry === undefined) return { layout, notes: [] };
    const fresh = { ...geometry, slots: [], tokens: [], requirements: [] };
    return {
      layout: withChanged(layout, { ...rest, renewed: true, geometry: fresh }),
      notes: [`${nameOf(volume)} is opened by the new key alone: its old slots and tokens are gone`],
    };
  },
};
