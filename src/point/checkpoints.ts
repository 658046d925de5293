/**
 * Checkpoints of containers in a repository: `lifeboat.container-point/1`. They stand beside the points of their host and are none of them: what looks for
 * a machine to recover never meets one. What the engine stores of them is kept under a name of its own, so that pruning the points of the host
 * touches none of it.
 */
import { normalize } from 'node:path/posix';
import { z } from 'zod';
import type { Json } from '../kernel/json.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { containerSchema } from '../runtime/model/container.ts';
import { nameIn } from './names.ts';
import { isUnreadable, listFolder, putRecord, readRecord, removeRecord, type Repository } from './record-objects.ts';

export const CHECKPOINT_FORMAT = 'lifeboat.container-point/1';

const json: z.ZodType<Json> = z.json();

export const checkpointRecordSchema = z.object({
  format: z.literal(CHECKPOINT_FORMAT),
  id: z.string(),
  createdAt: z.iso.datetime(),
  /** As it stands in the keys of the repository. */
  host: z.string(),
  /** Without what looks like a secret: that is in the data. */
  container: containerSchema,
  leftRunning: z.boolean(),
  /** It was stopped and copied: a restore starts it from its beginning. */
  withoutMemory: z.literal(true).exactOptional(),
  tcp: z.enum(['keep', 'close']).exactOptional(),
  /** The file that a restore takes: its absolute path in the data, its size and hash. */
  file: z.object({
    path: z.string().refine(isPlain, 'is not the absolute path of a file'),
    bytes: z.number(),
    sha256: z.string(),
  }),
  data: z.object({ engine: z.string(), stored: json, entries: z.number(), bytes: z.number(), storedBytes: z.number() }),
});

/** It is looked for below a directory of ours, so it must not lead out of it. */
function isPlain(path: string): boolean {
  return /^\/.*[^/]$/.test(path) && !path.includes('\0') && normalize(path) === path;
}

export type CheckpointRecord = z.output<typeof checkpointRecordSchema>;

/** In whose name an engine keeps them. */
export const checkpointOwner = (hostName: string): string => `${hostName.slice(0, 180)}__checkpoints`;

/** @throws LifeboatError as {@link putRecord} does */
export async function putCheckpoint(
  repository: Repository,
  record: CheckpointRecord,
  signal: AbortSignal,
): Promise<string> {
  return await putRecord(repository, record.host, 'checkpoints', record.id, record, signal);
}

export interface Checkpoints {
  /** In the order in which they arrived. */
  readonly checkpoints: readonly CheckpointRecord[];
  /** Those that cannot be used. */
  readonly damaged: readonly { readonly id: string; readonly error: LifeboatError }[];
  /** Ids of all of them, in the order in which they arrived. */
  readonly arrived: readonly string[];
}

/** @throws LifeboatError what the target throws */
export async function listCheckpoints(
  repository: Repository,
  hostName: string,
  signal: AbortSignal,
): Promise<Checkpoints> {
  const checkpoints: CheckpointRecord[] = [];
  const damaged: { id: string; error: LifeboatError }[] = [];
  const arrived: string[] = [];
  for (const { key } of await listFolder(repository.target, hostName, 'checkpoints', signal)) {
    const id = nameIn(hostName, 'checkpoints', key);
    if (id === undefined) continue;
    arrived.push(id);
    try {
      const record = await readRecord(repository, key, checkpointRecordSchema, CHECKPOINT_FORMAT, signal);
      if (record.id !== id || record.host !== hostName)
        throw new LifeboatError('record-forged', `the record ${key} says that it is ${record.id} of ${record.host}`);
      checkpoints.push(record);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      damaged.push({ id, error });
    }
  }
  return { checkpoints, damaged, arrived };
}

/**
 * @param name an id, the beginning of one, or what its container is called: then its last
 * @throws LifeboatError `not-found`, `refused` where several are meant, or one that cannot be read may be the last; what is wrong with the one
 *   that is meant, or may be
 */
export function chosenCheckpoint(all: Checkpoints, name: string): CheckpointRecord {
  const ids = idsMeant(all, name);
  if (ids.length > 0) return theOne(all, ids, name);
  const meant = lastOfEach(all.checkpoints.filter((each) => isOf(each, name)));
  const [one, ...others] = meant;
  if (one === undefined) throw unknown(all, name);
  if (others.length > 0) throw several(name, meant);
  const later = all.arrived.slice(all.arrived.indexOf(one.id) + 1);
  const unread = all.damaged.find(({ id }) => later.includes(id));
  if (unread === undefined) return one;
  throw new LifeboatError(
    'refused',
    `the checkpoint ${unread.id} arrived after ${one.id} and cannot be read: it may be the last of ${name}`,
    {
      hint: `Name one by its id: lifeboat container restore ${one.id}.`,
      cause: unread.error,
    },
  );
}

/** The whole id before the beginning of several. */
function idsMeant({ arrived }: Checkpoints, name: string): readonly string[] {
  if (arrived.includes(name)) return [name];
  return name.length >= 4 ? [...new Set(arrived)].filter((id) => id.startsWith(name)) : [];
}

function theOne({ checkpoints, damaged }: Checkpoints, ids: readonly string[], name: string): CheckpointRecord {
  const [id, ...others] = ids;
  const meant = checkpoints.filter((one) => ids.includes(one.id));
  if (others.length > 0) {
    const unread = damaged.filter((one) => ids.includes(one.id));
    throw several(
      name,
      meant,
      unread.map((one) => one.id),
    );
  }
  const wrong = damaged.find((one) => one.id === id);
  if (wrong !== undefined) throw wrong.error;
  const [one] = meant;
  if (one === undefined) throw new LifeboatError('bug', `the checkpoint ${id} is in the list and nowhere else`);
  return one;
}

function unknown({ damaged }: Checkpoints, name: string): LifeboatError {
  const [first] = damaged;
  // It may be what is meant.
  if (first !== undefined) return first.error;
  return new LifeboatError(
    'not-found',
    `the repository has no checkpoint ${JSON.stringify(name)}, and none of a container of that name`,
    { hint: 'See lifeboat container checkpoints. A file is given with its directory: ./web.tar.' },
  );
}

function several(name: string, meant: readonly CheckpointRecord[], unread: readonly string[] = []): LifeboatError {
  const list = [...meant.map(({ id, container: { runtime } }) => `${id} (${runtime})`), ...unread].join(', ');
  return new LifeboatError('refused', `several checkpoints are meant by ${JSON.stringify(name)}: ${list}`, {
    hint: 'Name one by its id.',
  });
}

const isOf = ({ container }: CheckpointRecord, name: string): boolean =>
  container.name === name || container.id === name;

/** Which of them are of one container, also of one that was made anew under its name. */
export const containerKey = ({ container: { runtime, name } }: Pick<CheckpointRecord, 'container'>): string =>
  `${runtime} ${name}`;

function lastOfEach(checkpoints: readonly CheckpointRecord[]): readonly CheckpointRecord[] {
  return [...new Map(checkpoints.map((one) => [containerKey(one), one])).values()];
}

/** The record goes first: what is left of the data then is nobody's. */
export async function removeCheckpointRecord(
  { target }: Pick<Repository, 'target'>,
  hostName: string,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  await removeRecord({ target }, hostName, 'checkpoints', id, signal);
}
