/** Links that have no settings of their own, and teams, whose settings only their daemon knows. */
import { z } from 'zod';
import { fieldsText } from './common.ts';

export const plain = z.object({ kind: z.enum(['veth', 'dummy', 'ifb', 'nlmon', 'vcan']) });

/** `config` is what `teamdctl NAME config dump actual` says, with the settings of its ports. */
export const team = z.object({ kind: z.literal('team'), config: z.record(z.string(), z.json()).exactOptional() });

export function teamText({ config }: z.infer<typeof team>): string {
  const parsed = z.object({ runner: z.object({ name: z.string() }) }).safeParse(config);
  return parsed.success ? fieldsText({ runner: parsed.data.runner.name }) : '';
}

/** A kind that lifeboat has no own description of: what iproute2 says of it, as it is. */
export const other = z.object({ kind: z.literal('other'), data: z.record(z.string(), z.json()) });
