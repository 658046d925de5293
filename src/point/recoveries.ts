/**
 * When this host was last recovered, or it was tried, and how that went: also from points that were forgotten since, as a machine is
 * not worse proven because of that.
 */
import { timeInName } from '../kernel/ids.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { isNamed, nameOf } from './attestations.ts';
import { nameIn, parseAttestationName } from './names.ts';
import { ATTESTATION_FORMAT, attestationSchema, type Recovered } from './point.ts';
import { type Found, isUnreadable, listFolder, readRecord, type Repository } from './record-objects.ts';

/** The kinds that stay when their points are forgotten, each for itself, so that none of them pushes another out. */
const kinds = { recoveries: 'recovered', drills: 'drilled', files: 'restored' } as const;
type Lasting = (typeof kinds)[keyof typeof kinds];
/** So many of the last ones of each; by the name of recoveries, drills were called too. */
const kept = { recovered: 30, drilled: 10, restored: 10 };

export interface Series {
  /** However it went. */
  readonly last?: Recovered;
  /** The last that did not fail, and in which all was looked at. */
  readonly passed?: Recovered;
}

/** Of the machine itself; of drills in a virtual machine; of drills of the files alone. */
export type LastRecoveries = Readonly<Record<keyof typeof kinds, Series>>;

/**
 * Reads the last few of each kind at most. One that cannot be used is passed over: what counts of a point says so itself.
 *
 * @throws LifeboatError what the target throws
 */
export async function lastRecoveries(
  repository: Repository,
  host: string,
  signal: AbortSignal,
): Promise<LastRecoveries> {
  const attestations = await listFolder(repository.target, host, 'attestations', signal);
  const known = new Map<string, Promise<Recovered | undefined>>();
  const seriesOf = async (kind: Lasting): Promise<Series> => {
    let last: Recovered | undefined;
    const few = [...new Set([kind, kinds.recoveries])].flatMap((name) => lastFew(attestations, host, name));
    for (const { key } of few.toSorted(byTime)) {
      const reading = known.get(key) ?? readOne(repository, host, key, signal);
      known.set(key, reading);
      const found = await reading;
      if (found === undefined || nameOf(found) !== kind) continue;
      last ??= found;
      if (found.result === 'passed' || found.result === 'sampled') return { last, passed: found };
    }
    return last === undefined ? {} : { last };
  };
  return {
    recoveries: await seriesOf(kinds.recoveries),
    drills: await seriesOf(kinds.drills),
    files: await seriesOf(kinds.files),
  };
}

/** All of the machine itself that are on record, the last first. One that cannot be used is passed over. @throws LifeboatError what the target throws */
export async function* recoveries(
  repository: Repository,
  host: string,
  signal: AbortSignal,
): AsyncGenerator<Recovered> {
  const attestations = await listFolder(repository.target, host, 'attestations', signal);
  for (const { key } of newestFirst(attestations, host, kinds.recoveries)) {
    const read = await readOne(repository, host, key, signal);
    if (read?.how === 'recover') yield read;
  }
}

/** Keys of those attestations that stay when their points go. */
export function lasting(attestations: readonly Found[], host: string): ReadonlySet<string> {
  const few = Object.values(kinds).flatMap((kind) => lastFew(attestations, host, kind));
  return new Set(few.map(({ key }) => key));
}

const lastFew = (attestations: readonly Found[], host: string, kind: Lasting): readonly Found[] =>
  newestFirst(attestations, host, kind).slice(0, kept[kind]);

/** By the time that is signed in the name. */
const byTime = (a: Found, b: Found): number => (timeInName(b.key) ?? 0) - (timeInName(a.key) ?? 0);

function newestFirst(attestations: readonly Found[], host: string, kind: Lasting): Found[] {
  return attestations
    .filter(({ key }) => parseAttestationName(nameIn(host, 'attestations', key) ?? '')?.kind === kind)
    .toSorted(byTime);
}

async function readOne(
  repository: Repository,
  host: string,
  key: string,
  signal: AbortSignal,
): Promise<Recovered | undefined> {
  try {
    const read = await readRecord(repository, key, attestationSchema, ATTESTATION_FORMAT, signal);
    const name = parseAttestationName(nameIn(host, 'attestations', key) ?? '');
    return read.kind === 'recovered' && isNamed(read, name) ? read : undefined;
  } catch (error) {
    if (isUnreadable(error) || (error instanceof LifeboatError && error.code === 'not-found')) return undefined;
    throw error;
  }
}
