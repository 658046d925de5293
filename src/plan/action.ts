/** What a plan does, one command after the other. Nothing in it names a device as the kernel happens to call it today. */
import { z } from 'zod';

/**
 * A word of a command. A device stands as the id of its component, and becomes a path only when the command is about to run;
 * `before` and `after` are put around that path, as in `logdev=…`.
 */
const wordSchema = z.union([
  z.string(),
  z.strictObject({ device: z.string(), before: z.string().exactOptional(), after: z.string().exactOptional() }),
]);

export type Word = z.infer<typeof wordSchema>;

const commandSchema = z.strictObject({
  argv: z.tuple([z.string()], wordSchema),
  /** Exit codes that are no failure, if not 0 alone. */
  okCodes: z.array(z.number()).exactOptional(),
  /** What it reads: text, or something that only the executor has, such as a key, by name. */
  stdin: z.union([z.string(), z.strictObject({ given: z.string() })]).exactOptional(),
  /** @default a minute */
  timeoutMs: z.number().exactOptional(),
});

export type Command = z.infer<typeof commandSchema>;

export const actionSchema = z.strictObject({
  /** Unique in its plan, and the same whenever the plan is made of the same: `create md:…`. */
  id: z.string(),
  /** What it does, to a person. */
  title: z.string(),
  /** The component that it is for. */
  component: z.string(),
  /**
   * Ids of the disks that it writes to. Actions that have none of them in common may be carried out at once; on each disk they keep the
   * order of the plan. One that names none waits for all before it, and all behind it wait for it.
   */
  writes: z.array(z.string()),
  commands: z.array(commandSchema),
  /** What to run before it is begun once more, after it was killed half-way: it then finds what it found at first. */
  again: z.array(commandSchema).exactOptional(),
});

export type Action = z.infer<typeof actionSchema>;

/** The devices that a command names. */
export function devicesOf({ argv }: Command): readonly string[] {
  return argv.flatMap((word) => (typeof word === 'string' ? [] : [word.device]));
}

/** A command as a person reads it, each device by `nameOf`. */
export function commandText({ argv }: Command, nameOf: (id: string) => string): string {
  const words = argv.map((word) =>
    typeof word === 'string' ? word : `${word.before ?? ''}${nameOf(word.device)}${word.after ?? ''}`,
  );
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
}
