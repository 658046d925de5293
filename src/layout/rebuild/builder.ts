/** How a component is made: what the planner has to know of each kind. */
import type { Command, Word } from '../../plan/action.ts';
import type { Component, ComponentOf, Kind } from '../types.ts';

/** One thing to do for a component. */
export interface Deed {
  /** To a person: `make ext4 "root"`. */
  readonly title: string;
  readonly commands: readonly Command[];
  /** Run first when it was begun before and cut off: they undo what may have been done, and do not mind if there is nothing. */
  readonly again?: readonly Command[];
}

/** The layout that a component is made in. */
export interface Site {
  /** @throws Error where there is none */
  readonly get: (id: string) => Component;
  /** What stands on it, in the order of the layout. */
  readonly above: (id: string) => readonly Component[];
}

/** What takes the place of a component that was not whole when it was captured, and what a person is told of that. */
export interface Mended<C> {
  readonly component: C;
  readonly note: string;
}

export interface Builder<C> {
  /** It as it is made, where it was not whole when it was captured. */
  mended?(component: C, site: Site): Mended<C> | undefined;
  /** It as it is made on disks with sectors of this size, where those are too large for it as it was. */
  onSectors?(component: C, sectorBytes: number): Mended<C> | undefined;
  /** Why it is left out with all that stands on it, though nobody said so: `as …`. */
  omitted?(component: C, site: Site): string | undefined;
  /** Why it cannot be made as it was; `undefined` where it can. Whatever that is, nothing is touched. */
  problem?(component: C, site: Site): string | undefined;
  /** What of it will not be as it was, and no comparison can see. */
  note?(component: C, site: Site): string | undefined;
  /** What makes it, out of what it stands on. Nothing for what comes into being with another component. */
  create(component: C, site: Site): readonly Deed[];
  /**
   * What makes room in it for other things than it held, where it stays itself with some of what stands on it.
   *
   * @param stays whether something on it is left as it is, by id
   */
  edit?(component: C, site: Site, stays: (id: string) => boolean): readonly Deed[];
  /**
   * What lets go of what it stands on, once nothing stands on it any more; what it holds stays. It does not mind if that was done before:
   * who still holds on is found out by what wipes the device. Nothing for what holds on to nothing.
   */
  release?(component: C): readonly Command[];
  /**
   * Where its device is once it was made, when that follows from where those under it are.
   *
   * @param below the path of what it stands on
   */
  path?(component: C, below: () => string, site: Site): string;
  /** What lets a capture see all of it once it was made, and what takes that back. */
  shown?(component: C): { readonly show: readonly Command[]; readonly hide: readonly Command[] };
  /**
   * What of it has to be as it was once it was made: without what comes back with the files, and what nobody can tell its tool.
   *
   * @param isResized it has another size than it was captured with, so that its tool chose what follows from that
   * @default all of it
   */
  compared?(component: C, isResized: boolean): C;
}

/** Where something is mounted as long as it is being made. */
export const workPlace = (name: string): string => `/run/lifeboat/${name}`;

export const isWorkPlace = (path: string): boolean => path.startsWith(workPlace(''));

/** The device of a component, in a command. */
export const device = (id: string): Word => ({ device: id });

/** A command without anything special. */
export const command = (program: string, ...words: readonly Word[]): Command => ({ argv: [program, ...words] });

/** An option with its value; nothing where there is none. */
export const option = (name: string, value: string | number | undefined): string[] =>
  value === undefined ? [] : [name, String(value)];

/** The only thing under a component. */
export function only({ id, on }: Component): string {
  const [one, ...others] = on;
  if (one === undefined || others.length > 0) throw new Error(`${id} stands on ${on.length} things`);
  return one;
}

/** All things above of one kind. */
export function aboveOfKind<K extends Kind>(site: Site, id: string, kind: K): ComponentOf<K>[] {
  return site.above(id).filter((one): one is ComponentOf<K> => one.kind === kind);
}
