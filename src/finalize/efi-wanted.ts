/** Which boot entries firmware should have for a restored system, and what of that it has. */
import type { EfiBoot, EfiEntry } from '../layout/boot/efibootmgr.ts';
import type { ComponentOf } from '../layout/types.ts';
import { REDACTED } from '../kernel/secret.ts';
import type { Esp, Leg } from './esp.ts';

export interface WantedEntry {
  readonly label: string;
  readonly leg: Leg;
  /** With `\`. */
  readonly path: string;
  readonly arguments?: string;
}

type Boot = ComponentOf<'boot'>;
type Captured = NonNullable<Boot['efi']>['entries'][number];

export interface EntriesRequest {
  readonly captured: Boot | undefined;
  readonly esps: readonly Esp[];
  /** Loaders that lie on them: paths from the top of each, by where it is mounted. */
  readonly files: ReadonlyMap<string, readonly string[]>;
  /** What its menu calls a system whose entries nobody knows. */
  readonly name: string;
  /** Replaces what stands in a command line and is another now. */
  readonly line: (text: string) => string;
}

/**
 * In the order of the captured ones; one for each leg of a RAID. Where nobody knows of any, one that starts the loader that is there.
 * Entries of partitions that are not of this machine, such as a stick, are left out.
 */
export function wantedEntries({ captured, esps, files, name, line }: EntriesRequest): readonly WantedEntry[] {
  const order = captured?.efi?.order?.split(',') ?? [];
  const rank = ({ number }: Captured): number => (order.includes(number) ? order.indexOf(number) : order.length);
  const known = (captured?.efi?.entries ?? [])
    .filter(({ partition, path, active }) => partition !== undefined && path !== undefined && active)
    .toSorted((one, other) => rank(one) - rank(other));
  const wanted = known.flatMap((entry): WantedEntry[] => {
    const { label, path = '' } = entry;
    const own = esps.filter((esp) => esp.legs.some(({ partUuid }) => partUuid === entry.partUuid));
    // What took the place of a partition is known by what lies on it.
    const holders = (own.length > 0 ? own : esps).filter((esp) => hasFile(files.get(esp.path), path));
    const [esp] = holders;
    if (esp === undefined) return [];
    const given = entry.arguments === undefined ? {} : { arguments: line(entry.arguments) };
    return legsFirst(esp, entry.partUuid).map((leg) => ({ label, leg, path, ...given }));
  });
  const unique = [...new Map(wanted.map((one) => [keyOf(one), one])).values()];
  if (unique.length > 0) return unique;
  return esps.flatMap((esp) => {
    const path = mainLoader(files.get(esp.path) ?? []);
    return path === undefined ? [] : esp.legs.map((leg) => ({ label: name, leg, path: path.replaceAll('/', '\\') }));
  });
}

const legsFirst = ({ legs }: Esp, partUuid: string | undefined): readonly Leg[] =>
  legs.toSorted((one, other) => Number(other.partUuid === partUuid) - Number(one.partUuid === partUuid));

const hasFile = (files: readonly string[] | undefined, path: string): boolean => {
  const wanted = path.replaceAll('\\', '/').toLowerCase();
  return files?.some((file) => file.toLowerCase() === wanted) === true;
};

/** The loader to start from, of all that lie on a partition: by way of shim, where there is one. */
export function mainLoader(files: readonly string[]): string | undefined {
  const patterns = [
    /^\/efi\/(?!boot\/)[^/]+\/shim[a-z0-9]*\.efi$/i,
    /^\/efi\/systemd\/systemd-boot[a-z0-9]+\.efi$/i,
    /^\/efi\/(?!boot\/)[^/]+\/grub[a-z0-9]*\.efi$/i,
    /^\/efi\/(?!boot\/|microsoft\/|systemd\/)[^/]+\/(refind|limine)[^/]*\.efi$/i,
    /^\/efi\/linux\/[^/]+\.efi$/i,
  ];
  return patterns
    .map((pattern) => files.toSorted().find((file) => pattern.test(file)))
    .find((path) => path !== undefined);
}

const keyOf = ({ leg, path, arguments: given = '' }: WantedEntry): string =>
  [leg.partUuid, path.toLowerCase(), given].join('\0');

/** Whether firmware has it: by the GUID of the partition, the path, and what it gives a loader. */
export const isEntry = (entry: EfiEntry, wanted: WantedEntry): boolean =>
  entry.partUuid === wanted.leg.partUuid &&
  entry.path?.toLowerCase() === wanted.path.toLowerCase() &&
  (wanted.arguments === undefined || entry.arguments === wanted.arguments);

export interface EntryChanges {
  /** With the number that each gets. */
  readonly create: readonly (WantedEntry & { readonly number: string })[];
  /**
   * Numbers of those that say the same as another, that are switched off, or that lead to a partition of this machine that there is no
   * more.
   */
  readonly remove: readonly string[];
  /** The whole order; absent where it stays. */
  readonly order?: readonly string[];
}

/** @param gone GUIDs of partitions of this machine that there are no more, in lower case */
export function entryChanges(
  wanted: readonly WantedEntry[],
  { entries, order }: EfiBoot,
  gone: ReadonlySet<string>,
): EntryChanges {
  const taken = new Set(entries.map(({ number }) => number));
  const found = wanted.map((one) => {
    const same = entries.filter((entry) => isEntry(entry, one));
    const kept = same.find(({ active }) => active);
    return { kept, others: same.filter((entry) => entry !== kept) };
  });
  const twice = found.flatMap(({ others }) => others.map(({ number }) => number));
  const dead = entries.flatMap(({ number, partUuid }) =>
    partUuid !== undefined && gone.has(partUuid) ? [number] : [],
  );
  const remove = [...new Set([...twice, ...dead])];
  const create: (WantedEntry & { readonly number: string })[] = [];
  const own = wanted.map((one, index) => {
    const known = found[index]?.kept?.number;
    if (known !== undefined) return known;
    const number = freeNumber(taken);
    taken.add(number);
    create.push({ ...one, number });
    return number;
  });
  const rest = order.filter((number) => !own.includes(number) && !remove.includes(number));
  const isThere = create.length === 0 && remove.length === 0 && own.every((number) => order.includes(number));
  return { create, remove, ...(isThere ? {} : { order: [...own, ...rest] }) };
}

function freeNumber(taken: ReadonlySet<string>): string {
  for (let number = 0; ; number += 1) {
    const name = number.toString(16).toUpperCase().padStart(4, '0');
    if (!taken.has(name)) return name;
  }
}

/** A part of what an entry gave its loader was a secret, and is not on record. */
export const isRedacted = ({ arguments: given = '' }: WantedEntry): boolean => given.includes(REDACTED);
