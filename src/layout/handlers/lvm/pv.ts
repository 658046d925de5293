/** Physical volumes of LVM: what groups stand on. */
import { z } from 'zod';
import { present } from '../../../kernel/present.ts';
import { formatBytes } from '../../../kernel/units.ts';
import { bytes, carriers, common, harmless, type LayoutHandler, missing, text } from '../../handler.ts';
import { askLvm, memberType } from './ask.ts';

const schema = z.object({
  kind: z.literal('pv'),
  ...common,
  uuid: text,
  /** Of its device, or what it was when it was there last. */
  sizeBytes: bytes,
  /** Its group knows of it, and it is not there. */
  missing: z.literal(true).exactOptional(),
  /** Where its extents begin. */
  startBytes: bytes.exactOptional(),
  extents: z.number().exactOptional(),
  tags: z.array(z.string()).exactOptional(),
  /** Absent where new volumes may take room on it. */
  allocatable: z.literal(false).exactOptional(),
  metadata: z
    .object({
      copies: z.number(),
      sizeBytes: bytes,
      /** Copies that are not used. */
      ignored: z.number().exactOptional(),
    })
    .exactOptional(),
  bootloaderArea: z.object({ startBytes: bytes, sizeBytes: bytes }).exactOptional(),
});

type Pv = z.infer<typeof schema>;

export const pv: LayoutHandler<Pv> = {
  kind: 'pv',
  schema,
  under: carriers,
  claims: [memberType],
  askedBy: ['pvs', 'lvm'],
  async capture(probes, asker) {
    const { physical } = await askLvm(probes, asker);
    return physical.map(({ id, device, row }) => {
      const copies = row?.number('pv_mda_count') ?? 0;
      const tags = row?.list('pv_tags').sort() ?? [];
      const bootSize = row?.positive('pv_ba_size');
      return {
        kind: 'pv',
        id,
        on: device === undefined ? [] : [probes.ids.get(device.number) ?? device.number],
        sizeBytes: device?.sizeBytes ?? row?.number('pv_size') ?? 0,
        ...present({
          uuid: row?.text('pv_uuid') ?? device?.uuid,
          missing: device === undefined ? (true as const) : undefined,
          startBytes: row?.number('pe_start'),
          extents: row?.positive('pv_pe_count'),
          tags: tags.length === 0 ? undefined : tags,
          allocatable:
            row === undefined || row.flag('pv_allocatable') || row.text('vg_uuid') === undefined
              ? undefined
              : (false as const),
          metadata:
            row === undefined || device === undefined
              ? undefined
              : {
                  copies,
                  sizeBytes: row.number('pv_mda_size') ?? 0,
                  ...present({ ignored: ignored(copies, row.number('pv_mda_used_count')) }),
                },
          bootloaderArea:
            bootSize === undefined ? undefined : { startBytes: row?.number('pv_ba_start') ?? 0, sizeBytes: bootSize },
        }),
      };
    });
  },
  title({ uuid, sizeBytes, missing: gone, tags }) {
    return ['physical volume', formatBytes(sizeBytes), uuid, tags?.join(' '), gone === true ? 'missing' : undefined]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage({ missing: gone }, { carrying }) {
    if (gone === true) return missing('it is not there: what lies only on it cannot be read');
    return carrying ? undefined : harmless('a physical volume that no group uses');
  },
  volatile: [],
  risk({ change }) {
    if (change === 'added') return 'data';
    return change === 'removed' ? 'recovery' : 'appearance';
  },
};

function ignored(copies: number, used: number | undefined): number | undefined {
  return used === undefined || used === copies ? undefined : copies - used;
}
