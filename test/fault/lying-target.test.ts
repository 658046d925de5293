/**
 * A target that lies: each lie is found, or does no harm. No point is called read back that is not; nothing that is kept is
 * removed; what is restored is what was stored, or there is an error.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LifeboatError } from '../../src/kernel/errors.ts';
import { catalogue, type EngineRepository, neededIn } from '../../src/point/catalogue.ts';
import { putEscrow } from '../../src/point/escrow.ts';
import { finishForgetting, forgetPoint, planByRules } from '../../src/point/forget.ts';
import type { Point } from '../../src/point/point.ts';
import { planPrune, removeLeftover } from '../../src/point/prune.ts';
import { listPoints, putPoint } from '../../src/point/records.ts';
import { planRepair, repairOne } from '../../src/point/repair.ts';
import { dataOf } from '../../src/steps/record.ts';
import type { ObjectEntry } from '../../src/target/target.ts';
import { backupJob } from '../conformance/engine.ts';
import { contents } from '../helpers/cli.ts';
import { random, seed } from '../helpers/moments.ts';
import { madeDescription, madeVerification } from '../helpers/points.ts';
import {
  DAY,
  idsIn,
  localCopies,
  type RealCopy,
  realPoints,
  type RealPoints,
  wholePoints,
} from '../helpers/real-points.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { type Lie, lies, type LyingTarget, lyingTarget } from './lying-target.ts';

const { signal } = new AbortController();
const ROUNDS = 20;
const rules = { last: 2, minimum: 2 };

let made: RealPoints;
/** What an honest repository has: two chains. The removed ones are those of `p0`. */
const points: Point[] = [];
let removed: ObjectEntry[] = [];

beforeAll(async () => {
  made = await realPoints();
  await made.make('p0', 10);
  points.push(await made.make('p1', 9));
  points.push(await made.make('p2', 8, 'p1'));
  points.push(await made.make('p3', 7));
  points.push(await made.make('p4', 6, 'p3'));
  points.push(await made.make('p5', 5, 'p4'));
  const before = await Array.fromAsync(made.repository.target.list('', signal));
  await forgetPoint(made.repository, 'box', localCopies(points), 'p0', signal);
  removed = before.filter(({ key }) => !made.store.has(key));
});
afterAll(() => made[Symbol.asyncDispose]());

interface Round {
  readonly copy: RealCopy;
  /** The same objects through a target that lies. */
  readonly lying: EngineRepository & { readonly target: LyingTarget };
  readonly next: () => number;
  /** For messages: how it can be had again, and what was lied. */
  readonly where: () => string;
}

/** One to three kinds of lies at a time. */
async function rounds(
  work: (round: Round) => Promise<void>,
  prepare: (copy: RealCopy) => void = () => {},
  turns = ROUNDS,
) {
  for (let count = 0; count < turns; count += 1) {
    const next = random(seed + count);
    const kinds: readonly Lie[] = [0, 1, 2]
      .slice(0, 1 + Math.floor(next() * 3))
      .map(() => lies[Math.floor(next() * lies.length)] ?? 'short put');
    const copy = made.copy();
    prepare(copy);
    const target = lyingTarget(copy.repository.target, kinds, next, removed);
    const where = () => `SEED=${seed + count}, ${target.told.join('; ')}`;
    await work({ copy, lying: { ...copy.repository, target }, next, where });
  }
}

/** Errors that say what is wrong are what we want; whether this one is of our kind. */
async function orError(work: () => Promise<void>, where: () => string): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof LifeboatError)) throw new Error(`no error of ours: ${where()}`, { cause: error });
    return false;
  }
}

test(`backup (seed ${seed})`, { timeout: 240_000 }, async () => {
  await using source = await temporaryDirectory();
  let good = 0;
  await rounds(async ({ copy, lying, where }) => {
    const id = 'p9';
    const description = { ...madeDescription(id), createdAt: new Date().toISOString() };
    const named = { hostName: 'box', pointId: id, sealing: lying.keys };
    const ended = await orError(async () => {
      const job = backupJob(lying.target, [source.path], { ...named, description });
      const result = await lying.engine.backup(job, signal);
      const verify = { ...named, target: lying.target, stored: result.stored, onProgress: () => undefined };
      const { damage } = await lying.engine.verify(verify, signal);
      if (damage.length > 0) throw new LifeboatError('archive-damaged', 'as the step does');
      const header = {
        uuid: 'volume',
        version: 2,
        sizeBytes: 4096,
        parts: [{ offsetBytes: 0, bytes: Buffer.alloc(4096) }],
      } as const;
      const kept = { readAt: description.createdAt, copied: [header], missing: [] };
      const escrow = await putEscrow(lying, 'box', id, kept, signal);
      const more = { verification: madeVerification(id), escrow };
      await putPoint(lying, description, dataOf(lying.engine, result), signal, more);
    }, where);
    const honest = await listPoints(copy.repository, 'box', signal);
    const green = honest.points.filter(({ trust }) => trust === 'read-back').map(({ point }) => point.id);
    expect(green, where()).toEqual(expect.arrayContaining(['p1', 'p2', 'p3', 'p4', 'p5']));
    expect(await wholePoints(copy.repository), where()).toEqual(expect.arrayContaining(green));
    if (ended) {
      good += 1;
      expect(green, where()).toContain(id);
    }
  });
  expect(good).toBeGreaterThan(0);
});

test(`list and verify (seed ${seed})`, { timeout: 240_000 }, async () => {
  await rounds(
    async ({ copy, lying, where }) => {
      const whole = await wholePoints(copy.repository);
      expect(whole).toEqual(['p3', 'p4', 'p5']);
      await orError(async () => {
        const list = await listPoints(lying, 'box', signal);
        const ids = list.points.map(({ point }) => point.id);
        expect(ids, where()).toEqual([...new Set(ids)].sort());
        for (const { point } of list.points) {
          // As it was recorded, whatever was said of it.
          expect(points, where()).toContainEqual(point);
        }
        for (const id of await wholePoints(lying)) expect(whole, where()).toContain(id);
      }, where);
    },
    (copy) => {
      for (const [key, { bytes, mtimeMs }] of copy.store)
        if (key.startsWith('tar/box/p1.tar')) copy.store.set(key, { bytes: bytes.subarray(1), mtimeMs });
    },
  );
});

test(`restore (seed ${seed})`, { timeout: 240_000 }, async () => {
  await using place = await temporaryDirectory();
  const restore = async ({ engine, target, keys }: EngineRepository, directory: string) => {
    await mkdir(directory);
    const { stored } = points[4]?.data ?? { stored: null };
    const job = { target, hostName: 'box', pointId: 'p5', sealing: keys, stored, paths: [], directory };
    return await engine.restore({ ...job, onProgress: () => undefined }, signal);
  };
  expect((await restore(made.repository, join(place.path, 'honest'))).findings).toEqual([]);
  const original = contents(join(place.path, 'honest'));
  let count = 0;
  await rounds(async ({ lying, where }) => {
    count += 1;
    const directory = join(place.path, `${count}`);
    const ended = await orError(async () => {
      const { findings } = await restore(lying, directory);
      if (findings.length > 0) throw new LifeboatError('archive-damaged', 'as the step does');
    }, where);
    if (ended) expect(contents(directory), where()).toEqual(original);
  });
});

test(`forget by rules, again and again (seed ${seed})`, { timeout: 240_000 }, async () => {
  await rounds(async ({ copy, lying, where }) => {
    const local = localCopies(points);
    for (let turn = 0; turn < 2; turn += 1) {
      await orError(async () => {
        const needed = neededIn(await catalogue(lying, 'box', local, signal));
        await finishForgetting(lying, 'box', local, needed, signal);
        const plan = await planByRules(lying, 'box', local, rules, Date.now(), signal);
        for (const { id } of plan.forget) await forgetPoint(lying, 'box', local, id, signal);
      }, where);
      await expectKept(copy, ['p3', 'p4', 'p5'], where());
    }
    // An honest one finishes.
    const plan = await planByRules(copy.repository, 'box', local, rules, Date.now(), signal);
    for (const { id } of plan.forget) await forgetPoint(copy.repository, 'box', local, id, signal);
    await expectKept(copy, ['p3', 'p4', 'p5'], where());
  });
});

test(`prune (seed ${seed})`, { timeout: 240_000 }, async () => {
  await rounds(
    async ({ copy, lying, where }) => {
      const local = localCopies(points.slice(0, 4));
      await orError(async () => {
        const plan = await planPrune(lying, 'box', local, { graceMs: DAY, nowMs: Date.now() }, signal);
        for (const { id } of plan.remove) await removeLeftover(lying, 'box', local, id, signal);
      }, where);
      await expectKept(copy, ['p1', 'p2', 'p3', 'p4'], where());
      // What the lying one may have written is old enough then.
      const later = { graceMs: DAY, nowMs: Date.now() + 2 * DAY };
      const plan = await planPrune(copy.repository, 'box', local, later, signal);
      for (const { id } of plan.remove) await removeLeftover(copy.repository, 'box', local, id, signal);
      expect(idsIn(copy.store), where()).toEqual(['p1', 'p2', 'p3', 'p4']);
    },
    (copy) => {
      // As a run leaves it that was killed before its point came on record.
      for (const key of copy.store.keys())
        if (/\/box\/(points|captures|escrow|attestations)\/p5/.test(key)) copy.store.delete(key);
    },
  );
});

test(`repair (seed ${seed})`, { timeout: 240_000 }, async () => {
  const repair = async (repository: EngineRepository) => {
    const { target, engine, keys } = repository;
    const { rebuild } = await planRepair(repository, 'box', { unknownSigner: true }, signal);
    for (const one of rebuild) {
      const verify = async ({ id, data }: Pick<Point, 'id' | 'data'>) => {
        const job = { target, hostName: 'box', pointId: id, sealing: keys, stored: data.stored };
        const { damage } = await engine.verify({ ...job, scope: 'chain', onProgress: () => undefined }, signal);
        return madeVerification(id, { result: damage.length === 0 ? 'passed' : 'damaged', damage: [...damage] });
      };
      await repairOne(repository, 'box', one, verify, signal);
    }
  };
  let ended = 0;
  await rounds(
    async ({ copy, lying, where }) => {
      const data = [...copy.store].filter(([key]) => key.startsWith('tar/'));
      ended += Number(await orError(async () => await repair(lying), where));
      expect(
        [...copy.store].filter(([key]) => key.startsWith('tar/')),
        where(),
      ).toEqual(data);
      const { points: honest } = await listPoints(copy.repository, 'box', signal);
      const green = honest.filter(({ trust }) => trust === 'read-back').map(({ point }) => point.id);
      expect(await wholePoints(copy.repository), where()).toEqual(expect.arrayContaining(green));
      // An honest one finishes, and what is then on record is what the points were.
      await repair(copy.repository);
      expect((await planRepair(copy.repository, 'box', {}, signal)).rebuild, where()).toEqual([]);
      const { points: listed, damaged } = await listPoints(copy.repository, 'box', signal);
      expect(damaged, where()).toEqual([]);
      expect(await wholePoints(copy.repository), where()).toEqual(['p1', 'p2', 'p3', 'p4', 'p5']);
      for (const { point } of listed) {
        const before = points.find(({ id }) => id === point.id);
        expect(point.captures, where()).toEqual(before?.captures);
        if (point.rebuilt === undefined) expect(point, where()).toEqual(before);
      }
    },
    (copy) => {
      for (const key of copy.store.keys()) if (/\/box\/(points\/p[24]|captures\/p3)/.test(key)) copy.store.delete(key);
    },
    ROUNDS / 2,
  );
  expect(ended).toBeGreaterThan(0);
});

async function expectKept({ repository }: RealCopy, ids: readonly string[], where: string): Promise<void> {
  const whole = await wholePoints(repository);
  expect(whole, where).toEqual(expect.arrayContaining([...ids]));
  const { points: listed, damaged } = await listPoints(repository, 'box', signal);
  expect(damaged, where).toEqual([]);
  expect(
    listed.map(({ point }) => point.id),
    where,
  ).toEqual(whole);
}
