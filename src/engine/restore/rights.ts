/** What only root may restore: others leave it out, and say of how many entries. */
import type { Entry } from '../entry.ts';
import type { Findings } from '../tar/stderr.ts';

export const isRoot = process.getuid?.() === 0;

const rootOnly = /^(?:trusted|security)\./;

/** Two descriptions of an entry without what this process could not make equal anyway. */
export function feasible(expected: Entry, seen: Entry, lacks?: Lacks): { expected: Entry; seen: Entry } {
  if (isRoot) return { expected, seen };
  if (expected.uid !== seen.uid || expected.gid !== seen.gid) lacks?.add('owners', expected.path);
  const names = new Set([...Object.keys(expected.xattrs ?? {}), ...Object.keys(seen.xattrs ?? {})]);
  for (const name of names) {
    if (!rootOnly.test(name) || expected.xattrs?.[name] === seen.xattrs?.[name]) continue;
    lacks?.add(name === 'security.capability' ? 'capabilities' : `attributes ${name.split('.')[0]}.*`, expected.path);
  }
  return {
    expected: { ...withoutRootOnly(expected), uid: seen.uid, gid: seen.gid },
    seen: withoutRootOnly(seen),
  };
}

/** Whether it takes root to make such an entry at all. */
export function makeable({ type, device }: Entry): boolean {
  // With these numbers it is a whiteout of overlayfs, which anybody may make.
  return isRoot || !(type === 'block' || (type === 'char' && (device?.major !== 0 || device.minor !== 0)));
}

function withoutRootOnly(entry: Entry): Entry {
  const { xattrs, ...rest } = entry;
  const left = Object.entries(xattrs ?? {}).filter(([name]) => !rootOnly.test(name));
  return left.length === 0 ? rest : { ...rest, xattrs: Object.fromEntries(left) };
}

/** Kinds of things that are lacking, each with how often and some examples. */
export class Lacks {
  readonly #kinds = new Map<string, { count: number; readonly examples: string[] }>();

  add(kind: string, path: string): void {
    const known = this.#kinds.get(kind) ?? { count: 0, examples: [] };
    this.#kinds.set(kind, known);
    known.count++;
    if (known.examples.length < 3) known.examples.push(`/${path}`);
  }

  tell(findings: Findings): void {
    for (const [kind, { count, examples }] of this.#kinds) {
      const of = count === 1 ? '1 entry' : `${count} entries`;
      const named = `${examples.join(', ')}${count > examples.length ? ', …' : ''}`;
      findings.add(kind, `not restored, since that takes root: of ${of} (${named})`);
    }
  }
}
