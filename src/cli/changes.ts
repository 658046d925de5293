/** Changes between captures, for a person. */
import { type Change, changeLines } from '../kernel/change.ts';
import { printable } from '../kernel/text.ts';

/** @param notCompared what one of the two captures could not see */
export function changesText(changes: readonly Change[], notCompared: readonly string[]): string {
  return [
    ...changeLines(changes),
    ...(notCompared.length === 0
      ? []
      : ['Not compared, as one of the two could not see it:', ...notCompared.map((line) => `  ${printable(line)}`)]),
  ].join('\n');
}
