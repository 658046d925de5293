/** A witness of what LVM says of a machine, which reads the tools' output by itself; and what a capture says, in the same words. */
import { z } from 'zod';
import type { Host } from '../../src/host/host.ts';
import type { ComponentOf, Layout } from '../../src/layout/types.ts';

/** Lines of text, sorted: of volumes of all kinds, and of the texts of groups. */
export interface LvmSaid {
  readonly physical: readonly string[];
  readonly groups: readonly string[];
  readonly volumes: readonly string[];
  /** What `vgcfgbackup` writes, without where and when, by group; of one that lacks a device it writes down that, too, and is left out. */
  readonly backups: Readonly<Record<string, readonly string[]>>;
}

const line = (...words: readonly (string | number | undefined)[]): string =>
  words.map((word) => (word === undefined || word === '' ? '-' : String(word))).join(' ');

/** What the capture says. */
export function capturedLvm({ components }: Layout): LvmSaid {
  const of = <K extends 'pv' | 'vg' | 'lv'>(kind: K): ComponentOf<K>[] =>
    components.filter((one): one is ComponentOf<K> => one.kind === kind);
  const groups = of('vg');
  const byId = new Map(components.map((one) => [one.id, one]));
  const groupOf = (id: string): string => {
    const one = byId.get(id);
    return one?.kind === 'vg' ? one.name : groupOf(one?.on[0] ?? '');
  };
  const sorted = (list: readonly string[] = []): string => list.toSorted().join(',');
  return {
    physical: of('pv')
      .map(({ uuid, on, startBytes, extents, tags, allocatable, missing, metadata, id }) => {
        const under = byId.get(on[0] ?? '');
        const device = under !== undefined && 'device' in under ? under.device : undefined;
        const group = groups.find((one) => one.on.includes(id))?.name;
        const copies = metadata === undefined ? 0 : metadata.copies - (metadata.ignored ?? 0);
        return line(
          uuid,
          device,
          group,
          startBytes,
          extents,
          sorted(tags),
          allocatable === false ? 0 : 1,
          missing ? 1 : 0,
          copies,
        );
      })
      .sort(),
    groups: groups
      .map((one) =>
        line(
          one.name,
          one.uuid,
          one.sizeBytes,
          one.extentBytes,
          one.extents,
          one.allocation,
          sorted(one.tags),
          one.maxVolumes ?? 0,
          one.maxPhysical ?? 0,
          one.metadataCopies ?? 'unmanaged',
        ),
      )
      .sort(),
    volumes: of('lv')
      .flatMap((one) => {
        const group = groupOf(one.id);
        const pool = one.on[0]?.startsWith('lv:') === true ? byId.get(one.on[0]) : undefined;
        const head = line(
          'volume',
          group,
          one.name,
          one.uuid,
          one.device,
          one.origin,
          pool?.kind === 'lv' ? pool.name : undefined,
          one.readOnly ? 'r' : 'w',
          one.minor,
          one.skipActivation ? 1 : 0,
          one.readAheadBytes ?? 'auto',
          one.metadataBytes,
          one.whenFull,
        );
        const all = [{ ...one }, ...(one.parts ?? [])];
        return [
          head,
          ...all.flatMap(({ name, sizeBytes, segments, tags, raid }) =>
            segments.map((piece) =>
              line(
                group,
                name,
                sizeBytes,
                sorted(tags),
                raid?.writeBehind,
                raid?.maxRecoveryKiB,
                piece.type,
                piece.start,
                piece.extents,
                piece.stripes ?? 1,
                piece.stripeBytes ?? 0,
                piece.regionBytes ?? 0,
                piece.chunkBytes ?? 0,
                piece.discards,
                piece.cacheMode,
                piece.cachePolicy,
                piece.cacheSettings,
                piece.areas.join(' '),
                piece.metadataAreas?.join(' '),
              ),
            ),
          ),
        ];
      })
      .sort(),
    backups: Object.fromEntries(
      groups
        .filter(({ on }) => !of('pv').some(({ id, missing }) => missing === true && on.includes(id)))
        .map(({ name, backup = '' }) => [name, plainLines(backup)]),
    ),
  };
}

const reportSchema = z.object({
  report: z.tuple([z.record(z.string(), z.array(z.record(z.string(), z.string())))]),
});

/** What the tools say, asked as an administrator would: with their locks, and of the kernel too. */
export async function toldByLvm(host: Host, signal: AbortSignal): Promise<LvmSaid> {
  const rows = async (tool: string, section: string, columns: string) => {
    const argv = [tool, '-a', '--reportformat', 'json', '--units', 'b', '--nosuffix', '-o', columns] as const;
    const { stdout } = await host.run([tool, ...argv.slice(tool === 'vgs' ? 2 : 1)], {}, signal);
    return reportSchema.parse(JSON.parse(stdout.toString())).report[0][section] ?? [];
  };
  const pvs = await rows('pvs', 'pv', 'pv_uuid,pv_name,vg_name,pe_start,pv_pe_count,pv_tags,pv_attr,pv_mda_used_count');
  const vgs = await rows(
    'vgs',
    'vg',
    'vg_name,vg_uuid,vg_size,vg_extent_size,vg_extent_count,vg_allocation_policy,vg_tags,max_lv,max_pv,vg_mda_copies,vg_missing_pv_count',
  );
  const lvs = await rows(
    'lvs',
    'lv',
    'vg_name,lv_name,lv_uuid,lv_dm_path,lv_active,lv_size,lv_tags,origin,pool_lv,lv_attr,lv_minor,lv_skip_activation,lv_read_ahead,lv_metadata_size,lv_when_full,segtype,seg_start_pe,seg_size_pe,stripes,stripe_size,region_size,chunk_size,discards,cache_mode,cache_policy,cache_settings,raid_write_behind,raid_max_recovery_rate,seg_pe_ranges,seg_metadata_le_ranges',
  );
  const sorted = (list = ''): string => list.split(',').toSorted().join(',');
  const physical = pvs.filter(({ pv_uuid }) => pv_uuid !== '');
  const places = new Map(physical.map((row) => [row['pv_name'], `pv:${row['pv_uuid']}`]));
  const place = (text = ''): string =>
    text.replaceAll(
      /(\S+)(:\d+-\d+)/g,
      (_, name: string, extents: string) => (places.get(name) ?? name.replaceAll(/[[\]]/g, '')) + extents,
    );
  const inner = (name = ''): boolean => name.startsWith('[');
  const used = lvs.filter(({ lv_name }) => lv_name?.endsWith('_pmspare]') !== true);
  const backups: [string, string[]][] = [];
  for (const { vg_name = '', vg_missing_pv_count } of vgs) {
    if (vg_missing_pv_count !== '0') continue;
    await host.run(['vgcfgbackup', '--file', '/tmp/witness', vg_name], {}, signal);
    backups.push([vg_name, plainLines((await host.read('/tmp/witness', {}, signal)).toString())]);
  }
  return {
    physical: physical
      .map((row) =>
        line(
          row['pv_uuid'],
          row['pv_name']?.replace('[unknown]', ''),
          row['vg_name'],
          row['pe_start'],
          row['pv_pe_count'],
          sorted(row['pv_tags']),
          row['pv_attr']?.startsWith('a') === true ? 1 : 0,
          row['pv_attr']?.endsWith('m') === true ? 1 : 0,
          row['pv_mda_used_count'],
        ),
      )
      .sort(),
    groups: vgs
      .map((row) =>
        line(
          row['vg_name'],
          row['vg_uuid'],
          row['vg_size'],
          row['vg_extent_size'],
          row['vg_extent_count'],
          row['vg_allocation_policy'],
          sorted(row['vg_tags']),
          row['max_lv'],
          row['max_pv'],
          row['vg_mda_copies'],
        ),
      )
      .sort(),
    volumes: [
      ...new Set(
        used
          .filter(({ lv_name }) => !inner(lv_name))
          .map((row) =>
            line(
              'volume',
              row['vg_name'],
              row['lv_name'],
              row['lv_uuid'],
              row['lv_active'] === 'active' ? row['lv_dm_path'] : '',
              inner(row['origin']) ? '' : row['origin'],
              ['thin', 'vdo'].includes(row['segtype'] ?? '') ? row['pool_lv'] : '',
              row['lv_attr']?.[1],
              row['lv_minor'] === '-1' ? '' : row['lv_minor'],
              row['lv_skip_activation'] === 'skip activation' ? 1 : 0,
              row['lv_read_ahead'],
              row['lv_metadata_size'],
              row['lv_when_full'],
            ),
          ),
      ),
      ...used.map((row) =>
        line(
          row['vg_name'],
          row['lv_name']?.replaceAll(/[[\]]/g, ''),
          row['lv_size'],
          sorted(row['lv_tags']),
          row['raid_write_behind'],
          row['raid_max_recovery_rate'],
          row['segtype'],
          row['seg_start_pe'],
          row['seg_size_pe'],
          Math.max(1, Number(row['stripes'])),
          row['stripe_size'],
          row['region_size'],
          row['chunk_size'],
          row['segtype'] === 'thin-pool' ? row['discards'] : '',
          row['cache_mode'],
          row['cache_policy'],
          row['cache_settings'],
          place(row['seg_pe_ranges']),
          place(row['seg_metadata_le_ranges']?.replaceAll(',', ' ')),
        ),
      ),
    ].sort(),
    backups: Object.fromEntries(backups),
  };
}

/** Without indentation, comments, and what tells of the writing. */
function plainLines(text: string): string[] {
  const own = /^(?:description|creation_host|creation_time) = .*\n/gm;
  const start = text.search(/^\S+ \{$/m);
  const end = text.lastIndexOf('\n}') + 2;
  const head = text.slice(0, start).replaceAll(own, '');
  const plain = head + text.slice(start, end) + text.slice(end).replaceAll(own, '');
  return plain
    .split('\n')
    .map((one) => one.replace(/(?:^|\t)#.*/, '').trim())
    .filter((one) => one !== '')
    .sort();
}
