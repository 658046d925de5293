/** Volume groups of LVM. */
import { z } from 'zod';
import { present } from '../../../kernel/present.ts';
import { formatBytes } from '../../../kernel/units.ts';
import { bytes, common, type LayoutHandler, text } from '../../handler.ts';
import type { Row } from '../../tools/lvm.ts';
import { askLvm, type Lvm } from './ask.ts';

const only = z.literal(true).exactOptional();

const schema = z.object({
  kind: z.literal('vg'),
  ...common,
  uuid: z.string(),
  name: z.string(),
  sizeBytes: bytes.exactOptional(),
  extentBytes: bytes.exactOptional(),
  extents: z.number().exactOptional(),
  /** Where room is taken for new volumes: `normal`, `contiguous`, `cling`, `anywhere`. */
  allocation: text,
  tags: z.array(z.string()).exactOptional(),
  /** Limits; absent for none. */
  maxVolumes: z.number().exactOptional(),
  maxPhysical: z.number().exactOptional(),
  /** How many copies of its metadata are kept; absent for as many as there are. */
  metadataCopies: text,
  /** What is set aside to repair the metadata of pools with. */
  metadataSpareBytes: bytes.exactOptional(),
  readOnly: only,
  fixedSize: only,
  exported: only,
  clustered: only,
  shared: only,
  noAutoActivation: only,
  systemId: text,
  lockType: text,
  profile: text,
  /** All that LVM knows of it: the text that `vgcfgrestore --file` takes. */
  backup: text,
});

type Vg = z.infer<typeof schema>;

export const vg: LayoutHandler<Vg> = {
  kind: 'vg',
  schema,
  under: ['pv'],
  askedBy: ['pvs', 'vgs', 'lvs', 'lvm'],
  async capture(probes, asker) {
    const lvm = await askLvm(probes, asker);
    const rows = new Map<string, Row>();
    // Each report names the groups, so that a volume has its group though one of them is not there.
    for (const row of [...lvm.segments, ...lvm.physical.flatMap(({ row: one }) => one ?? []), ...lvm.groups]) {
      const uuid = row.text('vg_uuid');
      if (uuid !== undefined) rows.set(uuid, row);
    }
    return [...rows].map(([uuid, row]) => groupOf(uuid, row, lvm));
  },
  title({ name, uuid, sizeBytes, tags, readOnly, exported }) {
    return [
      `volume group ${name}`,
      sizeBytes === undefined ? undefined : formatBytes(sizeBytes),
      uuid,
      tags?.join(' '),
      readOnly === true ? 'read-only' : undefined,
      exported === true ? 'exported' : undefined,
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage: () => undefined,
  // Counts every change, also such as were taken back; what it says is compared by the other fields.
  volatile: ['backup'],
  risk(difference) {
    if (difference.change === 'added') return 'data';
    if (difference.change === 'removed') return 'recovery';
    const { attribute, before, component } = difference;
    const shrunk = attribute === 'sizeBytes' && (component.sizeBytes ?? 0) < (before.sizeBytes ?? 0);
    return shrunk ? 'recovery' : 'appearance';
  },
};

function groupOf(uuid: string, row: Row, { physical, segments, texts, flags }: Lvm): Vg {
  const under = physical.filter((one) => one.row?.text('vg_uuid') === uuid).map(({ id }) => id);
  const tags = row.list('vg_tags').sort();
  const spare = segments.find(
    (one) => one.text('vg_uuid') === uuid && /^\[lvol\d+_pmspare\]$/.test(one.text('lv_name') ?? ''),
  );
  const copies = row.text('vg_mda_copies');
  const whether = (is: boolean) => (is ? (true as const) : undefined);
  return {
    kind: 'vg',
    id: `vg:${uuid}`,
    on: [...new Set(under)],
    uuid,
    name: row.text('vg_name') ?? uuid,
    ...present({
      sizeBytes: row.number('vg_size'),
      extentBytes: row.number('vg_extent_size'),
      extents: row.number('vg_extent_count'),
      allocation: row.text('vg_allocation_policy'),
      tags: tags.length === 0 ? undefined : tags,
      maxVolumes: row.positive('max_lv'),
      maxPhysical: row.positive('max_pv'),
      metadataCopies: copies === 'unmanaged' ? undefined : copies,
      metadataSpareBytes: spare?.number('lv_size'),
      readOnly: whether(row.text('vg_permissions') === 'read-only'),
      fixedSize: whether(row.text('vg_extendable') === '0'),
      exported: whether(row.flag('vg_exported')),
      clustered: whether(row.flag('vg_clustered')),
      shared: whether(row.flag('vg_shared')),
      noAutoActivation: whether(flags.get(uuid)?.includes('NOAUTOACTIVATE') === true),
      systemId: row.text('vg_systemid'),
      lockType: row.text('vg_lock_type'),
      profile: row.text('vg_profile'),
      backup: texts.get(uuid),
    }),
  };
}
