/** Controllers that make logical drives of the drives that are plugged into them. */
import { z } from 'zod';
import { present } from '../../../kernel/present.ts';
import { common, harmless, type LayoutHandler, text } from '../../handler.ts';
import { physicalSchema } from '../../hwraid.ts';
import { askRaid, raidQuestions, unverifiedReason } from './ask.ts';

const schema = z.object({
  kind: z.literal('raid-controller'),
  ...common,
  /** Whose tool makes its logical drives: `smartarray`, `megaraid`. */
  family: z.string(),
  model: z.string(),
  serial: text,
  firmware: text,
  /** The tool's number for it. */
  slot: text,
  pciAddress: text,
  /** By the tool's own names. */
  settings: z.record(z.string(), z.string()),
  drives: z.array(physicalSchema),
});

type Controller = z.infer<typeof schema>;

export const raidController: LayoutHandler<Controller> = {
  kind: 'raid-controller',
  unverified: unverifiedReason,
  schema,
  under: [],
  askedBy: raidQuestions,
  async capture(probes, asker) {
    const controllers = await askRaid(probes, asker);
    return controllers.map(({ id, family, said: { model, serial, firmware, slot, pciAddress, settings, drives } }) => ({
      kind: 'raid-controller',
      id,
      on: [],
      family,
      model,
      settings,
      drives: [...drives],
      ...present({ serial, firmware, slot, pciAddress }),
    }));
  },
  title({ model, serial, slot, drives }) {
    const spares = drives.filter(({ role }) => role === 'spare' || role === 'global-spare').length;
    return [
      `RAID controller ${model}`,
      slot === undefined ? undefined : `slot ${slot}`,
      serial,
      `${drives.length} ${drives.length === 1 ? 'drive' : 'drives'}`,
      spares === 0 ? undefined : `${spares} spare`,
      'unverified',
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage: (_, { carrying }) => (carrying ? undefined : harmless('no logical drive is on it')),
  // Where it is plugged in.
  volatile: ['slot', 'pciAddress'],
  risk: ({ change }) => (change === 'removed' ? 'recovery' : 'appearance'),
};
