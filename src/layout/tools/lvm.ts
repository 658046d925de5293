/** What LVM tells of itself: three reports in JSON, and the text of a group's metadata. */
import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import type { Argv } from '../../host/host.ts';

/**
 * `--readonly` takes no locks, writes nothing, repairs nothing and asks nothing of the kernel's device mapper: another command that
 * hangs, or a volume that is suspended, is not waited for. What is active the list of devices tells. All columns are known from 2.03.11 on.
 */
const report = (tool: string, columns: string, ...more: string[]): Argv => [
  tool,
  '--readonly',
  '--reportformat',
  'json',
  '--units',
  'b',
  '--nosuffix',
  '--binary',
  ...more,
  '-o',
  columns,
];

const vdoColumns = [
  'compression',
  'deduplication',
  'use_metadata_hints',
  'minimum_io_size',
  'block_map_cache_size',
  'block_map_era_length',
  'use_sparse_index',
  'index_memory_size',
  'slab_size',
  'ack_threads',
  'bio_threads',
  'bio_rotation',
  'cpu_threads',
  'hash_zone_threads',
  'logical_threads',
  'physical_threads',
  'max_discard',
  'write_policy',
  'header_size',
];

export const pvsArgv = report(
  'pvs',
  'pv_uuid,pv_name,pv_major,pv_minor,vg_uuid,vg_name,pe_start,pv_size,pv_pe_count,dev_size,pv_tags,pv_mda_size,pv_mda_count,pv_mda_used_count,pv_ba_start,pv_ba_size,pv_allocatable,pv_missing',
);
export const vgsArgv = report(
  'vgs',
  'vg_uuid,vg_name,vg_size,vg_extent_size,vg_extent_count,vg_permissions,vg_extendable,vg_exported,vg_clustered,vg_shared,vg_allocation_policy,vg_systemid,vg_lock_type,vg_profile,vg_tags,max_lv,max_pv,vg_mda_copies',
);
export const lvsArgv = report(
  'lvs',
  `vg_uuid,vg_name,lv_uuid,lv_name,lv_layout,lv_role,lv_attr,lv_size,lv_metadata_size,lv_allocation_policy,lv_allocation_locked,lv_skip_activation,lv_when_full,lv_major,lv_minor,lv_read_ahead,lv_profile,lv_tags,origin,pool_lv,data_lv,metadata_lv,mirror_log,raid_write_behind,raid_min_recovery_rate,raid_max_recovery_rate,raidintegritymode,raidintegrityblocksize,segtype,seg_start_pe,seg_size_pe,stripes,data_stripes,data_copies,stripe_size,region_size,chunk_size,discards,zero,cache_mode,cache_metadata_format,cache_policy,cache_settings,${vdoColumns.map((name) => `vdo_${name}`).join(',')},seg_le_ranges,seg_metadata_le_ranges`,
  '-a',
);

/**
 * The same of what lies on devices that answer: reading one that is suspended would wait for it. `alive` names those that may be read, if
 * others are known to be dead; these have many names, of which each would have to be refused.
 */
export function ignoring([tool, ...args]: Argv, alive: readonly string[] | undefined): Argv {
  const accepted = alive?.map((path) => `"a|^${path.replace(/[^\w/-]/g, '.')}$|",`).sort();
  const filter = accepted === undefined ? '' : ` devices/global_filter=[${accepted.join('')}"r|.*|"]`;
  return [tool, '--config', `devices/ignore_suspended_devices=1${filter}`, ...args];
}

/** The text stands on the device as `vgcfgbackup` writes it, which itself can only write to files. */
export const metadataArgv = (device: string): Argv => ['pvck', '--dump', 'metadata', device];

/** 5 where something of it could not be read: the rest is printed, and the reason to stderr. */
export const reportOkCodes = [0, 5] as const;

const reportSchema = z.object({
  report: z.tuple([z.record(z.string(), z.array(z.record(z.string(), z.string())))]),
});

/** One line of a report, by column. */
export class Row {
  readonly #columns: Readonly<Record<string, string>>;

  constructor(columns: Readonly<Record<string, string>>) {
    this.#columns = columns;
  }

  /** `undefined` for what is empty. */
  text(column: string): string | undefined {
    const value = this.#columns[column];
    return value === undefined || value === '' ? undefined : value;
  }

  /** @throws Error where the column is empty */
  needed(column: string): string {
    const value = this.text(column);
    if (value === undefined) throw new Error(`no ${column} in it`);
    return value;
  }

  /** `undefined` for what is not set, which is -1 in some columns, or no number. */
  number(column: string): number | undefined {
    const value = this.text(column);
    return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
  }

  /** A number that means something only above 0. */
  positive(column: string): number | undefined {
    const value = this.number(column);
    return value === 0 ? undefined : value;
  }

  flag(column: string): boolean {
    return this.text(column) === '1';
  }

  list(column: string): string[] {
    return this.text(column)?.split(',') ?? [];
  }

  /** Settings of VDO by their names. */
  vdo(): Record<string, string> {
    return Object.fromEntries(
      vdoColumns.flatMap((name) => {
        const value = this.text(`vdo_${name}`);
        return value === undefined ? [] : [[name, value]];
      }),
    );
  }
}

function parseReport(stdout: string, section: 'pv' | 'vg' | 'lv'): Row[] {
  const {
    report: [sections],
  } = reportSchema.parse(JSON.parse(stdout));
  const rows = (sections[section] ?? []).map((columns) => new Row(columns));
  // A row of another report would be a component without identity.
  return rows.filter((row) => row.needed(`${section}_uuid`));
}

export const parsePvs = (stdout: string): Row[] => parseReport(stdout, 'pv');
export const parseVgs = (stdout: string): Row[] => parseReport(stdout, 'vg');
/** One row for each segment. */
export const parseLvs = (stdout: string): Row[] => parseReport(stdout, 'lv');

/** Complaints that are no news: what is missing is in the reports, and a process has what its parent left open. */
const known = /Couldn't find (?:device|all devices)|is missing PV|^File descriptor .* leaked/;

/** What a report could not tell, by what it printed beside it. */
export function complaints(stderr: string): string[] {
  return stderr
    .split('\n')
    .map((line) => line.trim().replace(/^WARNING: /, ''))
    .filter((line) => line !== '' && !known.test(line));
}

/** The text that `vgcfgrestore` takes, without when and where it was written last. */
export function parseMetadata(stdout: string): string {
  const [, text] = /^\s*---\n(.*?)^\s*---$/ms.exec(stdout) ?? [];
  if (text === undefined || !/^contents = "Text Format Volume Group"$/m.test(text))
    throw new Error('no metadata in it');
  const end = text.lastIndexOf('\n}\n') + 3;
  const written = /^(?:# Generated by |description = |creation_host = |creation_time = |$)/;
  const tail = text
    .slice(end)
    .split('\n')
    .filter((line) => !written.test(line));
  return `${text.slice(0, end)}${tail.join('\n')}\n`;
}

/** The words that stand in the text as `status` and `flags` of a group, volume or device, by its UUID. */
export function metadataFlags(text: string): ReadonlyMap<string, readonly string[]> {
  const found = text.matchAll(/^\s*id = "([^"]+)"\n((?:(?!\s*id = )[^{}]*\n)*?)\s*flags = \[([^\]]*)\]/gm);
  return new Map(
    [...found].map(([, id = '', between = '', flags = '']) => {
      const [, status = ''] = /status = \[([^\]]*)\]/.exec(between) ?? [];
      return [id, `${status},${flags}`.match(/[A-Z_]+/g) ?? []];
    }),
  );
}

/** Of a mapping's UUID: the volume, and which layer of it, if it is not the volume itself. */
export function volumeOf(mappingUuid: string): { readonly uuid: string; readonly layer?: string } | undefined {
  const [, digits, layer] = /^LVM-\w{32}(\w{32})(?:-(.+))?$/.exec(mappingUuid) ?? [];
  if (digits === undefined) return undefined;
  const uuid = digits.replace(/^(.{6})(.{4})(.{4})(.{4})(.{4})(.{4})(.{6})$/, '$1-$2-$3-$4-$5-$6-$7');
  return { uuid, ...present({ layer }) };
}

/** Names that LVM keeps for what volumes are made of. */
const reserved =
  /_(?:mlog|[rm]image|mimagetmp|rmeta|[tcv]data|[tc]meta|w?corig|cvol|imeta|iorig|pmspare|vorigin)(?:_\d+)?(?:_extracted)?$|[^-]-pvmove\d+$/;

/** Whether a mapping is a layer or a part of a volume: what can be seen on it is what lies on the volume, or no content. */
export function isInner({ name, uuid }: { readonly name: string; readonly uuid: string }): boolean {
  const volume = volumeOf(uuid);
  return volume !== undefined && (volume.layer !== undefined || reserved.test(name));
}
