/**
 * The key records of a host in its repository. A copy of the newest one, sealed as it is, stays in the state directory: whoever removes it
 * from the repository takes from the code in force what opens older points, and is found out.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory, writeFileAtomic } from '../kernel/atomic-write.ts';
import { explaining, hasErrno, LifeboatError } from '../kernel/errors.ts';
import { isId, newId, timeInName } from '../kernel/ids.ts';
import type { HostKey } from '../keys/host-key.ts';
import { openKeyRecord } from '../keys/key-record.ts';
import { keyringOfHostKey } from '../keys/ring.ts';
import { checkStored } from '../point/record-objects.ts';
import { getBytes, type Target } from '../target/target.ts';

export const MAX_KEY_RECORD_BYTES = 1024 * 1024;
const SUFFIX = '.age';
const SECOND = 1000;
const LAST_YEAR = Date.UTC(9999, 0);

/** Where the records of a host are, and the copy. */
export interface KeyRecordPlace {
  readonly target: Target;
  /** Id of the repository. */
  readonly id: string;
  readonly stateDir: string;
  readonly host: string;
}

interface Kept {
  readonly key: string;
  readonly bytes: Buffer;
}

const prefixOf = (host: string) => `lifeboat/${host}/keys`;

/** In the order in which they were made, as far as their names say. */
export async function keyRecordKeys(target: Target, host: string, signal: AbortSignal): Promise<string[]> {
  return (await Array.fromAsync(target.list(prefixOf(host), signal))).map(({ key }) => key).sort();
}

/**
 * Adds what {@link sealKeyRecord} made; it is never changed. Its name comes after those that are there, whatever the clocks say.
 *
 * @throws LifeboatError `target-failed` when it reads back otherwise
 */
export async function putKeyRecord(place: KeyRecordPlace, bytes: Buffer, signal: AbortSignal): Promise<void> {
  const { target, host } = place;
  const times = (await keyRecordKeys(target, host, signal)).map((one) => timeInName(one) ?? 0);
  // After the last year that an id can have there is no later name; nobody but a stranger gets there.
  const after = Math.max(0, ...times.filter((time) => time < LAST_YEAR));
  const key = `${prefixOf(host)}/${newId(new Date(Math.max(Date.now(), after + SECOND)))}${SUFFIX}`;
  await target.put(key, bytes, { ifAbsent: target.traits.exclusivePut }, signal);
  await checkStored(target, key, bytes, signal);
  await keep(place, { key, bytes });
}

/**
 * Puts the newest record back where it is missing or was changed.
 *
 * @returns its key, if that was needed
 */
export async function putBackKeyRecord(place: KeyRecordPlace, signal: AbortSignal): Promise<string | undefined> {
  const kept = await readKept(place);
  if (kept === undefined || (await isThere(place.target, kept, signal))) return undefined;
  await place.target.put(kept.key, kept.bytes, {}, signal);
  await checkStored(place.target, kept.key, kept.bytes, signal);
  return kept.key;
}

/**
 * Compares what the repository has with what this host knows of it, puts back what is missing, and keeps what is newer and right.
 *
 * @returns what is wrong, in words
 */
export async function checkKeyRecords(hostKey: HostKey, place: KeyRecordPlace, signal: AbortSignal): Promise<string[]> {
  const missing = await putBackKeyRecord(place, signal);
  const problems =
    missing === undefined ? [] : [`${missing} was removed or changed, and is put back: find out who can write there`];
  const keys = await keyRecordKeys(place.target, place.host, signal);
  const newest = keys.at(-1);
  if (newest === undefined) {
    return [`there is no key record of ${place.host}: run lifeboat key check, which makes one`];
  }
  const kept = await readKept(place);
  if (kept !== undefined && newest <= kept.key) return problems;
  const bytes = await believed(hostKey, place.target, newest, signal);
  if (bytes !== undefined) await keep(place, { key: newest, bytes });
  // A host that only stores, and has no copy, cannot tell.
  else if (kept !== undefined || !hostKey.writeOnly) {
    problems.push(
      `${newest} is not of the host key here. If the keys were replaced, this is an older host.key: put back the newest, or make one with lifeboat key rotate --host-key. If not, somebody else put it there`,
    );
  }
  return problems;
}

/** The bytes of a record that this host opens and that its recovery code signed. */
async function believed(
  hostKey: HostKey,
  target: Target,
  key: string,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const { identities } = keyringOfHostKey(hostKey);
  const reader = { host: hostKey.host, identities, certifiers: [hostKey.recovery.certifier] };
  try {
    const bytes = await getBytes(target, key, MAX_KEY_RECORD_BYTES, signal);
    openKeyRecord(bytes, reader, key);
    return bytes;
  } catch (error) {
    if (error instanceof LifeboatError && isUnusable(error)) return undefined;
    throw error;
  }
}

/** Whether it says something about one record, and nothing about the storage. */
export function isUnusable({ code }: LifeboatError): boolean {
  return [
    'no-key',
    'untrusted',
    'archive-damaged',
    'record-damaged',
    'newer-format',
    'output-too-large',
    'not-found',
  ].includes(code);
}

async function isThere(target: Target, { key, bytes }: Kept, signal: AbortSignal): Promise<boolean> {
  try {
    return (await getBytes(target, key, MAX_KEY_RECORD_BYTES, signal)).equals(bytes);
  } catch (error) {
    if (error instanceof LifeboatError && isUnusable(error)) return false;
    throw error;
  }
}

function folderOf({ stateDir, id, host }: KeyRecordPlace): string {
  return join(stateDir, 'keys', id, host);
}

async function keptNames(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  });
  return names.filter((name) => name.endsWith(SUFFIX) && isId(name.slice(0, -SUFFIX.length))).sort();
}

async function readKept(place: KeyRecordPlace): Promise<Kept | undefined> {
  const folder = folderOf(place);
  return await explaining(`read ${folder}`, async () => {
    const name = (await keptNames(folder)).at(-1);
    if (name === undefined) return undefined;
    return { key: `${prefixOf(place.host)}/${name}`, bytes: await readFile(join(folder, name)) };
  });
}

/** Instead of the one before. */
async function keep(place: KeyRecordPlace, { key, bytes }: Kept): Promise<void> {
  const folder = folderOf(place);
  const name = key.slice(key.lastIndexOf('/') + 1);
  if (!isId(name.slice(0, -SUFFIX.length))) return;
  await explaining(`keep ${key} in ${folder}`, async () => {
    await makeDirectory(folder, 0o700);
    await writeFileAtomic(join(folder, name), bytes, 0o600);
    for (const older of (await keptNames(folder)).filter((one) => one !== name)) await rm(join(folder, older));
  });
}
