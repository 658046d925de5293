/** How links are made: what the planner has to know of each kind. */
import type { Command, Word } from '../../../plan/action.ts';
import type { Detail } from '../../kinds/kinds.ts';
import type { Link } from '../../types.ts';

/** The link in a command: by its name, or as a token where it is a card. */
export type Named = (name: string) => Word;

export interface Maker<D> {
  /** Why it cannot be made as it was; `undefined` where it can. Whatever that is, nothing is touched. */
  readonly problem?: (link: Link, detail: D) => string | undefined;
  /** What of it is not in any capture, and what a person has to do about it. */
  readonly note?: (link: Link, detail: D) => string | undefined;
  /** What makes it, out of what it stands on, but without its members. */
  readonly create: (link: Link, detail: D, named: Named) => readonly Command[];
  /** It takes its members by itself. */
  readonly takesMembers?: boolean;
  /** What takes it away again. @default `ip link delete` */
  readonly remove?: (link: Link) => readonly Command[];
}

/** A maker that looks itself whether a detail is of its kind. */
export interface AnyMaker {
  problem(link: Link): string | undefined;
  note(link: Link): string | undefined;
  create(link: Link, named: Named): readonly Command[];
  remove(link: Link): readonly Command[];
  readonly takesMembers: boolean;
}

export const command = (...argv: [string, ...Word[]]): Command => ({ argv });

/** One that may find that there is nothing to do. `ip` ends with 2 for what the kernel refuses, with 1 for what it cannot find. */
export const attempt = (...argv: [string, ...Word[]]): Command => ({ argv, okCodes: [0, 1, 2] });

/**
 * The modules of some kinds make links by themselves when they are loaded, as `bond0`: what has this name for that reason is gone before the
 * real one is made.
 */
export const loaded = (name: string, kind: string): readonly Command[] => [
  attempt('ip', 'link', 'add', 'name', name, 'type', kind),
  attempt('ip', 'link', 'delete', 'dev', name),
];

const removed = ({ name }: Link): readonly Command[] => [attempt('ip', 'link', 'delete', 'dev', name)];

export function maker<K extends Detail['kind']>(
  kinds: readonly K[],
  { problem, note, create, remove = removed, takesMembers = false }: Maker<Extract<Detail, { kind: K }>>,
): AnyMaker {
  type Own = Extract<Detail, { kind: K }>;
  const isOwn = (detail: Detail): detail is Own => kinds.some((kind) => kind === detail.kind);
  const own = ({ detail }: Link): Own | undefined => (detail !== undefined && isOwn(detail) ? detail : undefined);
  return {
    problem(link) {
      const detail = own(link);
      return detail === undefined ? 'its settings were not captured' : problem?.(link, detail);
    },
    note(link) {
      const detail = own(link);
      return detail === undefined ? undefined : note?.(link, detail);
    },
    create(link, named) {
      const detail = own(link);
      return detail === undefined ? [] : create(link, detail, named);
    },
    remove,
    takesMembers,
  };
}

/** The link below. */
export const below = ({ lower = [] }: Link): string | undefined => lower[0];
