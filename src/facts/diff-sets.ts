/** Comparing two captures: values that both have seen, and sets by name. What one of them could not see is no change. */
import type { Change, Risk } from '../kernel/change.ts';
import type { Facts } from './types.ts';

export interface FactsChange extends Change {
  /** All that a text which only counts them stands for. */
  readonly items?: readonly string[];
}

/** Whether a capture has a gap of one of these names. Without knowing what is there, it has seen nothing whole. */
export function unseen(facts: Facts, ...subjects: readonly string[]): boolean {
  return facts.gaps.some(({ subject }) => subject === 'places' || subjects.includes(subject));
}

/** `unknown`, nothing and zero stand in a document for what nobody told. */
export function seen<T extends string | number>(value: T | undefined): T | undefined {
  return value === 'unknown' || value === '' || value === 0 ? undefined : value;
}

interface Value {
  readonly subject: string;
  readonly attribute?: string;
  readonly was: string | number | undefined;
  readonly is: string | number | undefined;
  readonly risk: Risk;
  /** What follows from it. */
  readonly so?: string;
}

export function valueChange({ subject, attribute, was, is, risk, so }: Value): Change[] {
  if (was === undefined || is === undefined || was === is) return [];
  const what = attribute === undefined ? subject : `${attribute} of ${subject}`;
  const text = `${what} was ${was}, is ${is}${so === undefined ? '' : `: ${so}`}`;
  return [{ subject, change: 'changed', ...(attribute === undefined ? {} : { attribute }), risk, text }];
}

interface Sets<T> {
  readonly before: readonly T[];
  readonly after: readonly T[];
  /** What makes two of them the same; its name in changes. */
  readonly key: (item: T) => string;
  readonly added: (item: T) => { readonly risk: Risk; readonly text: string } | undefined;
  readonly removed: (item: T) => { readonly risk: Risk; readonly text: string } | undefined;
  readonly changed?: (was: T, is: T) => readonly Change[];
  /** Whether the older (newer) capture may have missed some: then nothing is new (gone) for it. */
  readonly partBefore?: boolean;
  readonly partAfter?: boolean;
}

export function setChanges<T>(sets: Sets<T>): Change[] {
  const old = new Map(sets.before.map((item) => [sets.key(item), item]));
  const now = new Map(sets.after.map((item) => [sets.key(item), item]));
  const changes: Change[] = [];
  for (const [subject, item] of old) {
    const told = now.has(subject) || sets.partAfter === true ? undefined : sets.removed(item);
    if (told !== undefined) changes.push({ subject, change: 'removed', ...told });
  }
  for (const [subject, item] of now) {
    const was = old.get(subject);
    if (was !== undefined) {
      changes.push(...(sets.changed?.(was, item) ?? []));
      continue;
    }
    const told = sets.partBefore === true ? undefined : sets.added(item);
    if (told !== undefined) changes.push({ subject, change: 'added', ...told });
  }
  return changes;
}
