/** Forgetting and pruning, interrupted at every call of the target: what is kept stays whole, and a repeat finishes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EngineRepository } from '../../src/point/catalogue.ts';
import { catalogue, neededIn } from '../../src/point/catalogue.ts';
import { checkStillFree, finishForgetting, forgetPoint, planByName, planByRules } from '../../src/point/forget.ts';
import { putAttestation } from '../../src/point/attestations.ts';
import type { LocalRecords } from '../../src/point/local-records.ts';
import { ATTESTATION_FORMAT, type Point } from '../../src/point/point.ts';
import { byRulesAlone, planPrune, removeLeftover } from '../../src/point/prune.ts';
import type { Target } from '../../src/target/target.ts';
import { type DyingTarget, dyingTarget } from '../helpers/dying-target.ts';
import { testKeyring } from '../helpers/keyring.ts';
import { idsIn, localCopies, type RealCopy, realPoints, type RealPoints, wholePoints } from '../helpers/real-points.ts';

const { signal } = new AbortController();
const rules = { last: 1, minimum: 1 };
const DAY = 86_400_000;

let made: RealPoints;
const points: Point[] = [];

/**
 * Two bases, with one and with two points that build upon them, and a second host with points of the same names. Of p4, p5 needs
 * nothing.
 */
beforeAll(async () => {
  made = await realPoints();
  points.push(await made.make('p1', 9));
  points.push(await made.make('p2', 8, 'p1'));
  points.push(await made.make('p3', 7));
  points.push(await made.make('p4', 6, 'p3'));
  points.push(await made.make('p5', 5, 'p4'));
  await made.make('p1', 9, undefined, 'box2');
  await made.make('p3', 9, undefined, 'box2');
});
afterAll(() => made[Symbol.asyncDispose]());

async function forget(repository: EngineRepository, local: LocalRecords): Promise<void> {
  await finishForgetting(repository, 'box', local, neededIn(await catalogue(repository, 'box', local, signal)), signal);
  const plan = await planByRules(repository, 'box', local, rules, Date.now(), signal);
  for (const { id } of plan.forget) await forgetPoint(repository, 'box', local, id, signal);
}

async function prune(repository: EngineRepository, local: LocalRecords): Promise<void> {
  const plan = await planPrune(repository, 'box', local, { graceMs: DAY, nowMs: Date.now() }, signal);
  for (const { id } of plan.remove) await removeLeftover(repository, 'box', local, id, signal);
}

/** Runs `work` with a target that dies after 0, 1, 2, … calls, until it needs no more; then checks, and repeats it. */
async function everywhere(
  begin: () => RealCopy,
  work: (repository: EngineRepository, local: LocalRecords) => Promise<void>,
  check: (copy: RealCopy, done: boolean, calls: number) => Promise<void>,
  copies: readonly Point[] = points,
): Promise<number> {
  for (let calls = 0; ; calls += 1) {
    for (const how of calls % 3 === 0 ? (['after', 'before'] as const) : (['before'] as const)) {
      const copy = begin();
      const local = localCopies(copies);
      const target: DyingTarget = dyingTarget(copy.repository.target, calls, how);
      const died = await work({ ...copy.repository, target }, local).then(
        () => false,
        () => true,
      );
      await check(copy, false, calls);
      await work(copy.repository, local);
      await check(copy, true, calls);
      if (!died) return calls;
    }
  }
}

test('the plan says what goes in which order, what stays, and why', async () => {
  const { repository } = made.copy();
  const plan = await planByRules(repository, 'box', localCopies(points), rules, Date.now(), signal);
  expect(plan.forget.map(({ id, why }) => [id, why])).toEqual([
    ['p4', ['no rule keeps it']],
    ['p2', ['no rule keeps it']],
    ['p1', ['no rule keeps it']],
  ]);
  expect(plan.keep.map(({ id, why }) => [id, why])).toEqual([
    ['p3', ['base of p5']],
    ['p5', ['last', 'the newest', 'the newest verified']],
  ]);
  const ofP1 = [...made.store].filter(([key]) => /\/box\/(.*\/)?p1\./.test(key));
  expect(ofP1).toHaveLength(5);
  const bytes = ofP1.reduce((sum, [, object]) => sum + object.bytes.length, 0);
  expect(plan.forget.at(-1)).toMatchObject({ id: 'p1', bytes, trust: 'read-back' });
});

test('forgetting, interrupted anywhere', { timeout: 120_000 }, async () => {
  const others = [...made.store].filter(([key]) => key.includes('/box2/'));
  const calls = await everywhere(
    () => made.copy(),
    forget,
    async ({ store, repository }, done, after) => {
      expect(await wholePoints(repository, 'box', ['p3', 'p5']), `after ${after} calls`).toEqual(['p3', 'p5']);
      // What is still on record has all its data, too.
      for (const { id, data } of points) {
        if (!store.has(`lifeboat/box/points/${id}.age`)) continue;
        for (const one of [id, ...data.references]) {
          const keys = [...store.keys()].filter((key) => key.startsWith(`tar/box/${one}.`));
          expect(keys, `of ${id} after ${after} calls`).toHaveLength(2);
        }
      }
      if (done) expect(idsIn(store), `after ${after} calls`).toEqual(['p3', 'p5']);
      expect([...store].filter(([key]) => key.includes('/box2/'))).toEqual(others);
    },
  );
  expect(calls).toBeGreaterThan(40);
});

test('pruning, interrupted anywhere', { timeout: 120_000 }, async () => {
  const begin = () => {
    const copy = made.copy();
    // As runs leave it that were killed before their points came on record, and long ago.
    for (const key of copy.store.keys()) if (/\/box\/(points|captures|escrow)\/p5/.test(key)) copy.store.delete(key);
    return copy;
  };
  const check = async ({ store }: RealCopy, done: boolean, after: number) => {
    const kept = [...made.store].filter(([key]) => !key.includes('/box/') || !/\/p5\./.test(key));
    expect(
      [...store].filter(([key]) => !/\/box\/(.*\/)?p5\./.test(key)),
      `after ${after} calls`,
    ).toEqual(kept);
    if (done) expect(idsIn(store), `after ${after} calls`).toEqual(['p1', 'p2', 'p3', 'p4']);
  };
  const calls = await everywhere(begin, prune, check, points.slice(0, -1));
  expect(calls).toBeGreaterThan(20);
});

describe('forgetting by name', () => {
  const plan = async (...ids: string[]) =>
    await planByName(made.copy().repository, 'box', localCopies([]), ids, signal);

  test('a base in use is refused, unless all that builds upon it goes too', async () => {
    await expect(plan('p3')).rejects.toMatchObject({ code: 'refused', message: expect.stringContaining('p5') });
    await expect(plan('p3', 'p4')).rejects.toMatchObject({ code: 'refused', message: expect.stringContaining('p5') });
    expect((await plan('p3', 'p4', 'p5')).forget.map(({ id }) => id)).toEqual(['p5', 'p4', 'p3']);
    expect((await plan('p5')).forget.map(({ id }) => id)).toEqual(['p5']);
  });
});

test('a point that was pinned, or built upon, since it was decided is not forgotten', async () => {
  const { repository } = made.copy();
  const local = localCopies([]);
  const plan = await planByRules(repository, 'box', local, rules, Date.now(), signal);
  const known = async () => await catalogue(repository, 'box', local, signal);
  checkStillFree(plan, await known());
  const by = { host: 'box', version: '1' };
  const said = { format: ATTESTATION_FORMAT, point: 'p2', reason: 'audit', at: new Date().toISOString(), by } as const;
  await putAttestation(repository, 'box', { ...said, kind: 'pinned' }, signal);
  const now = await known();
  expect(() => checkStillFree(plan, now)).toThrow(/p2, it was pinned: audit/);
  const lone = { ...plan, forget: plan.forget.filter(({ id }) => id === 'p1') };
  expect(() => checkStillFree(lone, now)).toThrow(/another point was made upon it/);
});

describe('a target that lies', () => {
  test('a list that lacks a point costs nothing that this one needs', async () => {
    const { store, repository } = made.copy();
    const stale: Target = {
      ...repository.target,
      async *list(prefix, stop) {
        for await (const entry of repository.target.list(prefix, stop))
          if (!entry.key.includes('/points/p5')) yield entry;
      },
    };
    await forget({ ...repository, target: stale }, localCopies(points));
    await prune({ ...repository, target: stale }, localCopies(points));
    // Nor does one of which this machine has no copy.
    await prune({ ...repository, target: stale }, localCopies([]));
    expect(await wholePoints(repository)).toEqual(['p3', 'p5']);
    expect(idsIn(store)).toEqual(['p3', 'p5']);
  });

  test('a list in another order is the same', async () => {
    const { store, repository } = made.copy();
    const reordered: Target = {
      ...repository.target,
      async *list(prefix, stop) {
        yield* (await Array.fromAsync(repository.target.list(prefix, stop))).reverse();
      },
    };
    await forget({ ...repository, target: reordered }, localCopies([]));
    expect(idsIn(store)).toEqual(['p3', 'p5']);
  });
});

describe('records that cannot be used', () => {
  const broken = (id: string) => {
    const copy = made.copy();
    const key = `lifeboat/box/points/${id}.age`;
    const object = copy.store.get(key);
    if (object === undefined) throw new Error('no such record');
    const bytes = Buffer.from(object.bytes);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    copy.store.set(key, { ...object, bytes });
    return copy;
  };

  test('a damaged record, its data and what that needs stay', async () => {
    const { store, repository } = broken('p2');
    await forget(repository, localCopies([]));
    await prune(repository, localCopies([]));
    expect(idsIn(store)).toEqual(['p1', 'p2', 'p3', 'p5']);
    expect([...store.keys()].filter((key) => key.startsWith('tar/box/p2'))).toHaveLength(2);
    await expect(planByName(repository, 'box', localCopies([]), ['p1'], signal)).rejects.toMatchObject({
      code: 'refused',
    });
  });

  test('what was signed by nobody we know moves nothing', async () => {
    const copy = made.copy();
    const stranger = testKeyring();
    const forged = { ...copy.repository, keys: { ...stranger, recipients: made.keys.recipients } };
    const key = 'lifeboat/box/forgotten/p5.age';
    const { sealDocument } = await import('../../src/point/envelope.ts');
    const tombstone = { format: 'lifeboat.forgotten/1', point: 'p5', at: new Date().toISOString() };
    await copy.repository.target.put(key, sealDocument(forged.keys, key, tombstone), {}, signal);
    await forget(copy.repository, localCopies([]));
    await prune(copy.repository, localCopies([]));
    expect(await wholePoints(copy.repository)).toEqual(['p3', 'p5']);
  });
});

describe('prune keeps', () => {
  const without = (pattern: RegExp) => {
    const copy = made.copy();
    for (const key of copy.store.keys()) if (pattern.test(key)) copy.store.delete(key);
    return copy;
  };
  const plan = async (copy: RealCopy, nowMs = Date.now()) =>
    await planPrune(copy.repository, 'box', localCopies([]), { graceMs: DAY, nowMs }, signal);

  test('the data of a record that was lost, and what other points build upon', async () => {
    const lost = await plan(without(/\/box\/points\/(p2|p3)/));
    expect(lost.remove).toEqual([]);
    expect(lost.keep.map(({ id, why }) => [id, why])).toEqual([
      ['p2', expect.stringContaining('points repair')],
      ['p3', expect.stringContaining('builds upon it')],
    ]);
  });

  test('everything where no point is on record at all', async () => {
    const all = await plan(without(/^lifeboat\/box\//));
    expect(all.remove).toEqual([]);
    expect(all.keep.map(({ id }) => id)).toEqual(['p1', 'p2', 'p3', 'p4', 'p5']);
  });

  test('what is young by the clock of the target', async () => {
    const copy = without(/\/box\/(points|captures|escrow)\/p5/);
    expect((await plan(copy, Date.now() - 4.5 * DAY)).keep).toMatchObject([
      { id: 'p5', why: 'is too young', objects: 2 },
    ]);
    expect((await plan(copy)).remove).toMatchObject([{ id: 'p5', whole: true }]);
  });

  test('what this host itself has put on record; and without a digest whatever is whole', async () => {
    const copy = without(/\/box\/(points|captures|escrow)\/(p2|p5)|tar\/box\/p2\.manifest/);
    expect((await plan(copy)).remove).toMatchObject([{ id: 'p2' }, { id: 'p5', whole: true }]);
    const byRules = byRulesAlone(await plan(copy));
    expect(byRules.remove).toMatchObject([{ id: 'p2', why: 'never came to be on record', whole: false }]);
    expect(byRules.keep).toMatchObject([{ id: 'p5', lost: true }]);
    const local = localCopies(points);
    const own = await planPrune(copy.repository, 'box', local, { graceMs: DAY, nowMs: Date.now() }, signal);
    expect([own.remove, own.keep]).toMatchObject([
      [],
      [
        { id: 'p2', lost: true },
        { id: 'p5', lost: true },
      ],
    ]);
  });
});
