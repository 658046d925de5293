/** Making changes out of what two captures have. */
import type { Change, Risk } from '../kernel/change.ts';

export function changed(subject: string, attribute: string, risk: Risk, text: string): Change {
  return { subject, change: 'changed', attribute, risk, text };
}

/** Whether one of the two captures could not see something. */
export type Unseen = (subject: string) => boolean;

/** What a value is called in a sentence. */
export function valueText(value: unknown): string {
  if (value === undefined || value === null || value === '') return 'not set';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(valueText).join(' ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Whether two values of JSON are the same, in whatever order their fields are. */
export function same(one: unknown, other: unknown): boolean {
  return canonical(one) === canonical(other);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : item,
  );
}

export interface Item {
  /** Two items of one target, one before and one after, are the same thing changed. @default the text */
  readonly target?: string;
  readonly text: string;
  readonly risk: Risk;
}

/** Added, removed and changed items of two unordered lists. */
export function listChanges(subject: string, before: readonly Item[], after: readonly Item[]): Change[] {
  const old = new Map(before.map((item) => [item.text, item]));
  const now = new Map(after.map((item) => [item.text, item]));
  const gone = Map.groupBy(
    [...old.values()].filter(({ text }) => !now.has(text)),
    ({ target, text }) => target ?? text,
  );
  const come = Map.groupBy(
    [...now.values()].filter(({ text }) => !old.has(text)),
    ({ target, text }) => target ?? text,
  );
  const changes: Change[] = [];
  for (const [target, items] of gone) {
    const [was, ...others] = items;
    const [is, ...more] = come.get(target) ?? [];
    if (was !== undefined && is !== undefined && others.length === 0 && more.length === 0) {
      changes.push({ subject, change: 'changed', risk: was.risk, text: `${subject} was ${was.text}, is ${is.text}` });
      come.delete(target);
      continue;
    }
    for (const { text, risk } of items)
      changes.push({ subject, change: 'removed', risk, text: `removed: ${subject} ${text}` });
  }
  for (const { text, risk } of [...come.values()].flat()) {
    changes.push({ subject, change: 'added', risk, text: `added: ${subject} ${text}` });
  }
  return changes;
}
