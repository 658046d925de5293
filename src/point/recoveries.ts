/**
 * When this host was last recovered, or it was tried, and how that went: also from points that were forgotten since, as a machine is
 * not worse proven because of that.
 */
import { timeInName } from '../kernel/ids.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { nameIn, parseAttestationName } from './names.ts';
import { ATTESTATION_FORMAT, attestationSchema, type Recovered } from './point.ts';
import { type Found, isUnreadable, listFolder, readRecord, type Repository } from './record-objects.ts';

/** So many of the last ones stay when their points are forgotten. */
const kept = 10;

export interface LastRecoveries {
  /** However it went. */
  readonly last?: Recovered;
  /** The last that did not fail. */
  readonly passed?: Recovered;
}

/**
 * Reads the last few at most. One that cannot be used is passed over: what counts of a point says so itself.
 *
 * @throws LifeboatError what the target throws
 */
export async function lastRecoveries(
  repository: Repository,
  host: string,
  signal: AbortSignal,
): Promise<LastRecoveries> {
  let last: Recovered | undefined;
  for (const { key } of newestFirst(await listFolder(repository.target, host, 'attestations', signal), host)) {
    const found = await readOne(repository, host, key, signal);
    if (found === undefined) continue;
    last ??= found;
    if (found.result !== 'failed') return { last, passed: found };
  }
  return last === undefined ? {} : { last };
}

/** Keys of those attestations that stay when their points go. */
export function lasting(attestations: readonly Found[], host: string): ReadonlySet<string> {
  return new Set(newestFirst(attestations, host).map(({ key }) => key));
}

/** By the time that is signed in the name. */
function newestFirst(attestations: readonly Found[], host: string): Found[] {
  return attestations
    .filter(({ key }) => parseAttestationName(nameIn(host, 'attestations', key) ?? '')?.kind === 'recovered')
    .toSorted((a, b) => (timeInName(b.key) ?? 0) - (timeInName(a.key) ?? 0))
    .slice(0, kept);
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
    return read.kind === 'recovered' && read.point === name?.point ? read : undefined;
  } catch (error) {
    if (isUnreadable(error) || (error instanceof LifeboatError && error.code === 'not-found')) return undefined;
    throw error;
  }
}
