import { present } from '../../kernel/present.ts';

/** A setting that the other version of cgroups cannot hold as it was. */
export interface Loss {
  /** By the name of the kernel's file. */
  readonly setting: string;
  readonly value: string;
  /** What is otherwise there, in words for an administrator. */
  readonly why: string;
}

/** The section under its name, without what is undefined in it; nothing at all where that leaves nothing. */
export function filled<K extends string, T extends object>(
  name: K,
  fields: T,
): { [P in K]?: { [F in keyof T]?: T[F] & ({} | null) } } {
  const result: { [P in K]?: { [F in keyof T]?: T[F] & ({} | null) } } = {};
  const section = present(fields);
  if (Object.keys(section).length > 0) result[name] = section;
  return result;
}
