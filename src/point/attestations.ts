/**
 * What is attested of points: records that are added and never changed. Of each kind the one that was made last counts, by the
 * time that is signed in its name and in it: when it arrived, whoever can write to the storage can change. But the clock of the
 * host may have gone back: where what arrived last says something worse, that counts.
 */
import { newId, timeInName } from '../kernel/ids.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { inParallel } from '../kernel/parallel.ts';
import { type AttestationKind, attestationName, nameIn, parseAttestationName } from './names.ts';
import {
  type Attestation,
  ATTESTATION_FORMAT,
  attestationSchema,
  type Pin,
  type Recovered,
  type Verification,
} from './point.ts';
import { type Found, isUnreadable, listFolder, putRecord, readRecord, type Repository } from './record-objects.ts';

const DAY = 86_400_000;

/** A record that cannot be used. */
export interface Unreadable {
  readonly key: string;
  readonly error: LifeboatError;
}

/** The last word on one point. */
export interface Attested {
  readonly verification?: Verification;
  readonly pin?: Pin;
  /** Of the machine, or of one like it in a drill: whichever was later. */
  readonly recovered?: Recovered;
  /** Of its files alone. */
  readonly restored?: Recovered;
}

export interface AttestationList {
  readonly ofPoint: ReadonlyMap<string, Attested>;
  readonly unreadable: readonly Unreadable[];
  /** Keys of those that a later version of lifeboat has made, of which this one knows nothing. */
  readonly unknown: readonly string[];
}

/** What it is called by, and what it counts for. */
export function nameOf(attestation: Attestation): AttestationKind {
  if (attestation.kind !== 'recovered') return attestation.kind;
  if (attestation.how === 'recover') return 'recovered';
  return attestation.what === 'files' ? 'restored' : 'drilled';
}

/** Whether it can have this name: before drills had names of their own, they were called `recovered` too. */
export function isNamed(attestation: Attestation, name: ReturnType<typeof parseAttestationName>): boolean {
  const isAlike =
    name?.kind === nameOf(attestation) || (name?.kind === 'recovered' && attestation.kind === 'recovered');
  return isAlike && name.point === attestation.point;
}

/** Adds an attestation; there may be any number for one point. */
export async function putAttestation(
  repository: Repository,
  host: string,
  attestation: Attestation,
  signal: AbortSignal,
): Promise<void> {
  const name = attestationName(attestation.point, newId(new Date(attestation.at)), nameOf(attestation));
  await putRecord(repository, host, 'attestations', name, attestation, signal);
}

/** Puts on record that a point was recovered, or could not be. Where that cannot be written to: `keepBack` of kept.ts. */
export async function putRecovered(
  repository: Repository,
  host: string,
  recovered: Recovered,
  signal: AbortSignal,
): Promise<void> {
  await putAttestation(repository, host, recovered, signal);
}

/**
 * What counts for these points, and no other attestation is read.
 *
 * @param wanted ids of points
 */
export async function readAttestations(
  repository: Repository,
  host: string,
  wanted: (point: string) => boolean,
  signal: AbortSignal,
): Promise<AttestationList> {
  const unreadable: Unreadable[] = [];
  const unknown: string[] = [];
  const verifications = new Map<string, Found[]>();
  const pins = new Map<string, Found[]>();
  const recoveries = new Map<string, Found[]>();
  const drills = new Map<string, Found[]>();
  const restored = new Map<string, Found[]>();
  const seriesOf = {
    verified: verifications,
    pinned: pins,
    unpinned: pins,
    recovered: recoveries,
    drilled: drills,
    restored,
  };
  for (const found of await listFolder(repository.target, host, 'attestations', signal)) {
    const name = parseAttestationName(nameIn(host, 'attestations', found.key) ?? '');
    if (name === undefined) unreadable.push({ key: found.key, error: misnamed(found.key) });
    else if (name.kind === 'unknown') unknown.push(found.key);
    else if (wanted(name.point)) {
      const series = seriesOf[name.kind];
      series.set(name.point, [found, ...(series.get(name.point) ?? [])]);
    }
  }
  const ofPoint = new Map<string, Attested>();
  const nowMs = Date.now();
  const { connections } = repository.target.traits;
  const known = new Map<string, Read>();
  const one = async (key: string): Promise<Read> =>
    known.has(key) ? known.get(key) : await readOne(repository, host, key, signal);
  // Their names do not tell for what they count; there are few.
  const called = [...recoveries].flatMap(([point, series]) => series.map((found) => ({ point, found })));
  await inParallel(called, connections, async ({ found: { key } }) => void known.set(key, await one(key)));
  recoveries.clear();
  for (const { point, found } of called) {
    const read = known.get(found.key);
    const series = read === undefined || read instanceof LifeboatError ? recoveries : seriesOf[nameOf(read)];
    series.set(point, [...(series.get(point) ?? []), found]);
  }
  const all = [...verifications, ...pins, ...recoveries, ...drills, ...restored];
  await inParallel(all, connections, async ([point, series]) => {
    const { last, unusable } = await lastWord(series, nowMs, one);
    unreadable.push(...unusable);
    if (last === undefined) return;
    const before = ofPoint.get(point);
    ofPoint.set(point, { ...before, ...wordOf(last, before?.recovered) });
  });
  return { ofPoint, unreadable, unknown };
}

/** @param recovered the last one of the other series of these */
function wordOf(last: Attestation, recovered: Recovered | undefined): Attested {
  if (last.kind === 'verified') return { verification: last };
  if (last.kind !== 'recovered') return { pin: last };
  if (nameOf(last) === 'restored') return { restored: last };
  return { recovered: recovered !== undefined && recovered.at > last.at ? recovered : last };
}

/** What counts of one kind and point; most often no other is read. */
async function lastWord(series: readonly Found[], nowMs: number, readOne: (key: string) => Promise<Read>) {
  const unusable: Unreadable[] = [];
  const read = async (group: readonly Found[]) => {
    const found: { readonly key: string; readonly it: Attestation }[] = [];
    for (const { key } of group) {
      const it = await readOne(key);
      if (it instanceof LifeboatError) unusable.push({ key, error: it });
      else if (it !== undefined) found.push({ key, it });
    }
    return found.toSorted((a, b) => (a.it.at < b.it.at ? 1 : -1));
  };
  const sameSecond = Map.groupBy(series, (found) => orderOf(found, nowMs));
  const seconds = [...sameSecond.keys()].sort((a, b) => b - a);
  let looked = new Set<string>();
  for (const second of seconds) {
    const group = sameSecond.get(second) ?? [];
    looked = looked.union(new Set(group.map(({ key }) => key)));
    const [made] = await read(group);
    if (made === undefined) continue;
    const arrivedMs = Math.max(...series.map(({ mtimeMs }) => mtimeMs));
    const latest = series.filter(({ mtimeMs }) => mtimeMs === arrivedMs);
    if (latest.some(({ key }) => key === made.key)) return { last: made.it, unusable };
    const arrived = await read(latest.filter(({ key }) => !looked.has(key)));
    return { last: arrived.find(({ it }) => isWorse(it, made.it))?.it ?? made.it, unusable };
  }
  return { last: undefined, unusable };
}

/** Whether it keeps people from relying on a point, or from losing it, where the other one does not. */
function isWorse(one: Attestation, other: Attestation): boolean {
  if (one.kind === 'verified')
    return one.result === 'damaged' && other.kind === 'verified' && other.result === 'passed';
  if (one.kind === 'recovered')
    return one.result === 'failed' && other.kind === 'recovered' && other.result !== 'failed';
  return one.kind === 'pinned' && other.kind === 'unpinned';
}

/** When it was made; what a clock made that was ahead, when it arrived, so that it does not count for as long. */
function orderOf({ key, mtimeMs }: Found, nowMs: number): number {
  const made = timeInName(key) ?? 0;
  return made <= nowMs + DAY ? made : Math.min(made, Math.floor(mtimeMs / 1000) * 1000);
}

/** One attestation, why it cannot be used, or `undefined` when it is gone. */
type Read = Attestation | LifeboatError | undefined;

async function readOne(repository: Repository, host: string, key: string, signal: AbortSignal): Promise<Read> {
  try {
    const read = await readRecord(repository, key, attestationSchema, ATTESTATION_FORMAT, signal);
    const name = parseAttestationName(nameIn(host, 'attestations', key) ?? '');
    return isNamed(read, name) ? read : misnamed(key);
  } catch (error) {
    if (isUnreadable(error)) return error;
    if (error instanceof LifeboatError && error.code === 'not-found') return undefined;
    throw error;
  }
}

function misnamed(key: string): LifeboatError {
  return new LifeboatError('record-damaged', `${key} is not the name of an attestation that is in it`);
}
