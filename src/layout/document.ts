/** What the three captured documents have in common: named gaps, and a format that an older program refuses clearly. */
import { z } from 'zod';
import { LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';

export const gapSchema = z.object({
  /** What is not known: a tool, a file or a path. */
  subject: z.string(),
  problem: z.string(),
  hint: z.string().exactOptional(),
});

/** Something that a capture could not see, and why. */
export type Gap = z.infer<typeof gapSchema>;

/** Gaps as lines for a terminal; nothing when there are none. */
export function gapLines(gaps: readonly Gap[]): string[] {
  if (gaps.length === 0) return [];
  return [
    'Not seen:',
    ...gaps.map(({ subject, problem, hint }) =>
      printable(`  ${subject}: ${problem}${hint === undefined ? '' : ` (${hint})`}`),
    ),
  ];
}

/**
 * A document of ours out of parsed JSON.
 *
 * @param format the name and the newest version that is understood, `lifeboat.layout/1`
 * @throws LifeboatError `newer-format`, or `record-damaged` with the place of what is wrong
 */
export function readDocument<S extends z.ZodType>(format: string, schema: S, value: unknown): z.infer<S> {
  const found = z.object({ format: z.string() }).safeParse(value).data?.format;
  const [name = '', version = ''] = format.split('/');
  const [foundName, foundVersion = ''] = found?.split('/') ?? [];
  if (foundName !== name || !/^\d+$/.test(foundVersion)) {
    throw new LifeboatError('record-damaged', `not a ${name} document: its format is ${JSON.stringify(found ?? null)}`);
  }
  if (Number(foundVersion) > Number(version)) {
    throw new LifeboatError('newer-format', `${found} is newer than this lifeboat, which reads up to ${format}`, {
      hint: 'Use the version of lifeboat that wrote it, or a later one.',
    });
  }
  const result = schema.safeParse(value);
  if (!result.success) {
    const places = result.error.issues.slice(0, 5).map((issue) => `${place(issue.path)}: ${issue.message}`);
    throw new LifeboatError('record-damaged', printable(`the ${format} document is damaged: ${places.join('; ')}`), {
      hint: 'If it was edited by hand, correct the places that are named.',
    });
  }
  return result.data;
}

function place(path: readonly PropertyKey[]): string {
  return path.length === 0
    ? 'document'
    : path
        .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
        .join('')
        .replace(/^\./, '');
}
