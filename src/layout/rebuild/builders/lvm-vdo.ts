/** Pools of VDO. */
import type { Command } from '../../../plan/action.ts';
import type { ComponentOf } from '../../types.ts';
import { command, option } from '../builder.ts';
import { placeWords } from './lvm-places.ts';
import { bytes, type Context, named, size, type Step } from './lvm-step.ts';

type Lv = ComponentOf<'lv'>;

/** The pool and the volume in it at once: LVM knows no other way. */
export function vdoStep(pool: Lv, settingWords: (volume: Lv) => string[], { group, site }: Context): Step {
  const volume = site.above(pool.id).find((one) => one.kind === 'lv');
  if (volume?.kind !== 'lv') throw new Error(`${pool.id} holds no volume`);
  const said = pool.segments[0]?.vdo ?? {};
  const settings = known.flatMap(([name, unit]) => {
    const value = said[name];
    if (value === undefined) return [];
    return [unit === 1 ? `vdo_${name}=${value}` : `vdo_${name}_mb=${Number(value) / unit}`];
  });
  const yes = (value: string | undefined): string | undefined =>
    value === undefined ? undefined : value === '1' ? 'y' : 'n';
  const made = command(
    'lvcreate',
    ...option('--type', 'vdo'),
    ...size(pool),
    ...option('--virtualsize', bytes(volume.sizeBytes)),
    ...option('--compression', yes(said['compression'])),
    ...option('--deduplication', yes(said['deduplication'])),
    ...option('--config', `allocation{${settings.join(' ')}}`),
    ...named(volume.name, settingWords(volume)),
    `${group.name}/${pool.name}`,
    ...placeWords(pool, pool, group, site),
  );
  // A program that it calls may not be there, which is known before anything is touched.
  const argv: Command['argv'] = ['sh', '-euc', 'exec "$@"', 'vdoformat', ...made.argv];
  return { phase: 'find', command: { argv, timeoutMs: 10 * 60_000 } };
}

const mebibyte = 1 << 20;

/** As lvm.conf(5) names them, with the unit in which it takes them. */
const known: readonly (readonly [string, number])[] = [
  ['use_metadata_hints', 1],
  ['minimum_io_size', 1],
  ['block_map_cache_size', mebibyte],
  ['block_map_era_length', 1],
  ['use_sparse_index', 1],
  ['index_memory_size', mebibyte],
  ['slab_size', mebibyte],
  ['ack_threads', 1],
  ['bio_threads', 1],
  ['bio_rotation', 1],
  ['cpu_threads', 1],
  ['hash_zone_threads', 1],
  ['logical_threads', 1],
  ['physical_threads', 1],
  ['max_discard', 1],
];
