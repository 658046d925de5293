/** A repository in memory with points of real data, made by the engine tar, at times of one's choice. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { openEngine } from '../../src/engine/engines.ts';
import type { Json } from '../../src/kernel/json.ts';
import type { Keyring } from '../../src/keys/keyring.ts';
import type { EngineRepository } from '../../src/point/catalogue.ts';
import { escrowProblem, putEscrow } from '../../src/point/escrow.ts';
import type { LocalRecords } from '../../src/point/local-records.ts';
import type { Point } from '../../src/point/point.ts';
import { listPoints, putPoint } from '../../src/point/records.ts';
import { dataOf } from '../../src/steps/record.ts';
import { type MemoryStore, memoryTarget } from '../../src/target/memory/memory.ts';
import { backupJob } from '../conformance/engine.ts';
import { laterHost } from '../conformance/engine-chains.ts';
import { testKeyring } from './keyring.ts';
import { madeDescription, madeVerification } from './points.ts';
import { temporaryDirectory } from './temporary.ts';

export const DAY = 86_400_000;

export interface RealPoints extends AsyncDisposable {
  readonly store: MemoryStore;
  readonly keys: Keyring;
  readonly repository: EngineRepository;
  /** Makes one that arrives that many days ago, of what was the source then; each has a file more, and the header of a LUKS volume. */
  make(id: string, daysAgo: number, base?: string, host?: string): Promise<Point>;
  /** A repository of its own with the same objects. */
  copy(): RealCopy;
}

export interface RealCopy {
  readonly store: MemoryStore;
  readonly repository: EngineRepository;
}

export async function realPoints(keys: Keyring = testKeyring()): Promise<RealPoints> {
  const { signal } = new AbortController();
  const source = await temporaryDirectory();
  await writeFile(join(source.path, 'old.txt'), 'in every point');
  // What is younger than a minute at a backup is stored again in the next: so by this clock a file is that of each new point.
  const later = laterHost(58);
  await setTimeout(3000);
  const store: MemoryStore = new Map();
  const engine = openEngine('tar');
  const on = (objects: MemoryStore): EngineRepository => ({ target: memoryTarget('points', objects), engine, keys });
  const repository = on(store);
  const made = new Map<string, { readonly point: Point; readonly stored: Json }>();
  return {
    store,
    keys,
    repository,
    async make(id, daysAgo, base, host = 'box') {
      await writeFile(join(source.path, `${id}.txt`), `content of ${id}`);
      const arrived = Date.now() - daysAgo * DAY;
      const description = { ...madeDescription(id, host), createdAt: new Date(arrived - 60_000).toISOString() };
      const before = new Set(store.keys());
      const job = backupJob(repository.target, [source.path], {
        host: later,
        hostName: host,
        pointId: id,
        sealing: keys,
        description,
        ...(base === undefined ? {} : { base: { pointId: base, stored: made.get(base)?.stored ?? null } }),
      });
      const result = await engine.backup(job, signal);
      const verification = madeVerification(id);
      const parts = [{ offsetBytes: 0, bytes: Buffer.alloc(4096, id) }];
      const copied = [{ uuid: 'volume', version: 2, sizeBytes: 4096, parts }] as const;
      const kept = { readAt: description.createdAt, copied, missing: [] };
      const escrow = await putEscrow(repository, host, id, kept, signal);
      const point = await putPoint(repository, description, dataOf(engine, result), signal, { verification, escrow });
      for (const [key, { bytes }] of store) if (!before.has(key)) store.set(key, { bytes, mtimeMs: arrived });
      made.set(id, { point, stored: result.stored });
      return point;
    },
    copy() {
      const objects: MemoryStore = new Map(store);
      return { store: objects, repository: on(objects) };
    },
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

/** Copies of records in memory; `fails` has every call of it fail. */
export function localCopies(points: readonly Point[]): LocalRecords {
  const known = new Map(points.map((point) => [point.id, point]));
  return {
    folder: 'memory',
    list: async () => [...known.values()],
    put: async (point) => void known.set(point.id, point),
    remove: async (id) => void known.delete(id),
  };
}

/**
 * Ids of the points on record that read back wholly, with all that they build upon and the LUKS headers that their records name.
 *
 * @param only these are looked at. @default all
 */
export async function wholePoints(
  repository: EngineRepository,
  host = 'box',
  only?: readonly string[],
): Promise<string[]> {
  const { signal } = new AbortController();
  const { points } = await listPoints(repository, host, signal);
  const whole: string[] = [];
  for (const { point } of points) {
    if (only !== undefined && !only.includes(point.id)) continue;
    const { target, engine, keys } = repository;
    const job = { target, hostName: host, pointId: point.id, sealing: keys, stored: point.data.stored };
    const { damage } = await engine.verify({ ...job, scope: 'chain', onProgress: () => undefined }, signal);
    const lost = await escrowProblem(repository, point, signal);
    if (damage.length === 0 && lost === undefined) whole.push(point.id);
  }
  return whole;
}

/** Ids of the points of which anything is there. */
export function idsIn(store: MemoryStore, host = 'box'): string[] {
  const names = [...store.keys()].map((key) => key.split('/')).filter((parts) => parts.includes(host));
  return [...new Set(names.map((parts) => (parts.at(-1) ?? '').split('.')[0] ?? ''))].sort();
}
