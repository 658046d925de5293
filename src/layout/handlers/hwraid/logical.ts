/** What a RAID controller makes of its drives, and the kernel has as a disk. */
import { z } from 'zod';
import { present } from '../../../kernel/present.ts';
import { formatBytes } from '../../../kernel/units.ts';
import { bytes, common, type LayoutHandler, missing, text } from '../../handler.ts';
import { logicalGeometrySchema } from '../../hwraid.ts';
import { askRaid, raidQuestions, unverifiedReason } from './ask.ts';

const schema = z.object({
  kind: z.literal('logical-drive'),
  ...common,
  /** Its number on its controller. */
  number: z.string(),
  /** The kernel's disk, as last seen. */
  device: text,
  /** What its disk has as its WWN. */
  uniqueId: text,
  name: text,
  /** Rounded, unless the kernel has a disk of it or its tool tells more. */
  sizeBytes: bytes.exactOptional(),
  /** As its tool calls it: `OK`, `Optl`, `Dgrd`. */
  state: text,
  geometry: logicalGeometrySchema,
});

type Logical = z.infer<typeof schema>;

export const logicalDrive: LayoutHandler<Logical> = {
  kind: 'logical-drive',
  unverified: unverifiedReason,
  schema,
  under: ['raid-controller'],
  askedBy: raidQuestions,
  async capture(probes, asker) {
    const controllers = await askRaid(probes, asker);
    return controllers.flatMap((controller) =>
      controller.logical.map(({ id, said, device }) => ({
        kind: 'logical-drive' as const,
        id,
        on: [controller.id],
        number: said.number,
        geometry: said.geometry,
        ...present({
          device: device?.path,
          uniqueId: said.uniqueId,
          name: said.name,
          sizeBytes: device?.sizeBytes ?? said.sizeBytes,
          state: said.state,
        }),
      })),
    );
  },
  title({ number, name, sizeBytes, state, geometry: { level, drives } }) {
    return [
      `logical drive ${number}`,
      level,
      sizeBytes === undefined ? undefined : formatBytes(sizeBytes),
      name === undefined ? undefined : `"${name}"`,
      drives.length === 0 ? undefined : `of ${drives.join(' ')}`,
      state === undefined || /^(OK|Optl)$/.test(state) ? undefined : state,
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage: (_, { carrying }) =>
    carrying ? undefined : missing('the kernel has no disk of it: if it holds data, nothing of it is backed up'),
  volatile: ['device', 'state', 'number'],
  risk({ change }) {
    if (change === 'added') return 'data';
    return change === 'removed' ? 'recovery' : 'appearance';
  },
};
