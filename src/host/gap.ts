/** Something that a capture could not see, and why: named in the document instead of failing the capture. */
import { z } from 'zod';
import { printable } from '../kernel/text.ts';

export const gapSchema = z.object({
  /** What is not known: a tool, a file or a path. */
  subject: z.string(),
  problem: z.string(),
  hint: z.string().exactOptional(),
});

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
