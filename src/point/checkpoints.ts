/**
 * Checkpoints of containers in a repository: `lifeboat.container-point/1`. They stand beside the points of their host and are none of them: what looks for
 * a machine to recover never meets one. What the engine stores of them is kept under a name of its own, so that pruning the points of the host
 * touches none of it.
 */
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
  tcp: z.enum(['keep', 'close']).exactOptional(),
  /** The file that a restore takes: its absolute path in the data, its size and hash. */
  file: z.object({ path: z.string(), bytes: z.number(), sha256: z.string() }),
  data: z.object({ engine: z.string(), stored: json, entries: z.number(), bytes: z.number(), storedBytes: z.number() }),
});

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
}

/** @throws LifeboatError what the target throws */
export async function listCheckpoints(
  repository: Repository,
  hostName: string,
  signal: AbortSignal,
): Promise<Checkpoints> {
  const checkpoints: CheckpointRecord[] = [];
  const damaged: { id: string; error: LifeboatError }[] = [];
  for (const { key } of await listFolder(repository.target, hostName, 'checkpoints', signal)) {
    const id = nameIn(hostName, 'checkpoints', key);
    if (id === undefined) continue;
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
  return { checkpoints, damaged };
}

/**
 * @param name an id, the beginning of one, or what its container is called: then its last
 * @throws LifeboatError `not-found`, `refused` where several are meant; what is wrong with the one that is meant
 */
export function chosenCheckpoint({ checkpoints, damaged }: Checkpoints, name: string): CheckpointRecord {
  const wrong = damaged.find(({ id }) => id === name);
  if (wrong !== undefined) throw wrong.error;
  const byId = checkpoints.filter(({ id }) => id === name || (name.length >= 4 && id.startsWith(name)));
  const [one, ...others] = byId.length > 0 ? byId : lastOfEach(checkpoints.filter((each) => isOf(each, name)));
  if (one === undefined) {
    throw new LifeboatError(
      'not-found',
      `the repository has no checkpoint ${JSON.stringify(name)}, and none of a container of that name`,
      {
        hint: 'See lifeboat container checkpoints. A file is given with its directory: ./web.tar.',
      },
    );
  }
  if (others.length === 0) return one;
  const list = [one, ...others].map(({ id, container: { runtime } }) => `${id} (${runtime})`).join(', ');
  throw new LifeboatError('refused', `several checkpoints are meant by ${JSON.stringify(name)}: ${list}`, {
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
