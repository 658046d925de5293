import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { blankDisks } from '../../../test/helpers/blank-disks.ts';
import { atRest, debian12Machines, recordedLayout } from '../../../test/helpers/recorded-layouts.ts';
import { layoutOf } from '../../../test/helpers/small-layout.ts';
import { localHost } from '../../host/local.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import type { Component, ComponentOf, Layout } from '../types.ts';
import { withWholeDisks } from './attached.ts';
import { lookedAt } from './blank.ts';
import type { Plan } from './document.ts';
import { halfDone, markOf } from './half-done.ts';
import { type Mark, markContent } from './mark.ts';
import { planLayout } from './plan.ts';
import { disksOf } from './site.ts';

const at = new Date('2026-11-22T06:00:00.000Z');
const later = new Date('2026-11-22T07:00:00.000Z');
const ofHere = (layout: Layout) => disksOf(layout).map(({ id }) => id);

/** A mirror of two disks, and the same machine on two others. */
async function machine() {
  const wanted = await recordedLayout('md-raid1.debian12');
  const [first, second] = disksOf(wanted);
  if (first === undefined || second === undefined) throw new Error('no two disks');
  const disk = (name: string): ComponentOf<'disk'> => ({
    ...first,
    id: `disk:${name}`,
    serial: `new ${name}`,
    device: `/dev/${name}`,
  });
  const others = ['A', 'B', 'C', 'D'].map(disk);
  const found = { ...layoutOf(...others), capturedAt: wanted.capturedAt };
  const plan = (only: readonly string[], more: Partial<Parameters<typeof planLayout>[0]> = {}) =>
    planLayout({ wanted, found, blank: new Set(ofHere(found)), only: new Set(only), ...more });
  /** What is there after a plan, or parts of two. */
  const here = (...made: readonly Layout[]): Layout => {
    const components = made.flatMap((one) => one.components.filter(({ kind }) => kind !== 'disk' && kind !== 'mount'));
    return { ...found, components: [...others, ...components] };
  };
  return { wanted, found, plan, here, others };
}

const marksOf = (plan: Plan, date: Date, ids = ofHere(plan.layout)): [string, Mark][] =>
  ids.map((id) => [id, markOf(plan, id, date)]);

const ours = ({ of }: Plan, found: Layout, marks: readonly [string, Mark][], blank: readonly string[] = []) =>
  [...halfDone(of, found, { marks: new Map(marks), silent: new Set() }, new Set(blank))].sort();

test('cut off, with nothing on the disks yet, with all of it, and with only one of them marked', async () => {
  const { found, plan, here } = await machine();
  const made = plan(['disk:A', 'disk:B']);
  expect(made.actions.filter(({ id }) => id.startsWith('mark '))).toHaveLength(2);
  expect(ours(made, found, marksOf(made, at))).toEqual(['disk:A', 'disk:B']);
  expect(ours(made, here(made.layout), marksOf(made, at))).toEqual(['disk:A', 'disk:B']);
  expect(ours(made, found, marksOf(made, at, ['disk:A']), ['disk:B'])).toEqual(['disk:A']);
});

test('planned again for the same disks, and cut off between the marks', async () => {
  const { plan, here, wanted } = await machine();
  const [one, other] = ['disk:A', 'disk:B'];
  const made = plan([one, other]);
  const found = here(made.layout);
  const next = planLayout({ wanted, found: atRest(found), blank: new Set([one, other]), only: new Set([one, other]) });
  expect(next.of).toBe(made.of);
  expect(ours(made, found, [...marksOf(next, later, [one]), ...marksOf(made, at, [other])])).toEqual([one, other]);
});

test('a disk that the next attempt does without is nobody’s to take, whether that is cut off, proven or finished', async () => {
  const { plan, here } = await machine();
  const [before, now] = [plan(['disk:A', 'disk:B']), plan(['disk:A', 'disk:C'])];
  const found = here(now.layout);
  const old = marksOf(before, at, ['disk:B']);
  expect(ours(now, found, [...old, ...marksOf(now, later)])).toEqual(['disk:A', 'disk:C']);
  const started = marksOf(now, later).map(([id, mark]): [string, Mark] => [id, { ...mark, startable: true }]);
  expect(ours(now, found, [...old, ...started])).toEqual([]);
  expect(ours(now, found, old)).toEqual([]);
  const elsewhere = plan(['disk:C', 'disk:D']);
  const all = [...marksOf(before, at), ...marksOf(elsewhere, later)];
  expect(ours(now, here(elsewhere.layout), all)).toEqual(['disk:C', 'disk:D']);
});

test('what somebody made on such a disk since is content', async () => {
  const { plan, found } = await machine();
  const made = plan(['disk:A', 'disk:B']);
  const table: Component = { kind: 'table', id: 'table:new', on: ['disk:B'], type: 'gpt' };
  const partition: Component = {
    kind: 'partition',
    id: 'partition:new',
    on: [table.id],
    device: '',
    number: 1,
    sizeBytes: 1,
  };
  const data: Component = { kind: 'unknown', id: 'unknown:data', on: [partition.id], rawType: 'data', sizeBytes: 1 };
  const swap: Component = {
    kind: 'swap',
    id: 'swap:new',
    on: ['disk:B'],
    active: false,
    sizeBytes: 1,
  };
  const on = (...more: Component[]) => ({ ...found, components: [...found.components, ...more] });
  // In the last, something without a signature.
  for (const used of [on(swap), on(table, partition, data), on(table, partition)])
    expect(ours(made, used, marksOf(made, at))).toEqual(['disk:A']);
  expect(ours(made, on(table), marksOf(made, at))).toEqual(['disk:A', 'disk:B']);
});

test('a disk whose content somebody agreed to lose is taken again once that is gone, and not before', async () => {
  const { plan, found, wanted } = await machine();
  const swap: Component = {
    kind: 'swap',
    id: 'swap:old',
    on: ['disk:B'],
    active: false,
    sizeBytes: 1,
  };
  const used = { ...found, components: [...found.components, swap] };
  const made = plan(['disk:A', 'disk:B'], { found: used, blank: new Set(['disk:A']) });
  const marks = marksOf(made, at);
  expect(ours(made, used, marks)).toEqual(['disk:A']);
  // Of no kind that is known.
  expect(ours(made, found, marks)).toEqual(['disk:A']);
  const parts = made.layout.components.filter(({ kind }) => kind !== 'mount');
  expect(ours(made, { ...found, components: [...parts, ...found.components.slice(2)] }, marks)).toEqual([
    'disk:A',
    'disk:B',
  ]);
  // The machine on its own disks: what is there is called as what will be.
  const named = new Map(ofHere(wanted).map((id) => [id, id]));
  const again = planLayout({ wanted, found: atRest(wanted), blank: new Set(), named });
  expect(ours(again, wanted, marksOf(again, at))).toEqual([]);
});

test('whatever was recorded and can be made anew is known again by what its plan makes', {
  timeout: 300_000,
}, async () => {
  let known = 0;
  for (const name of debian12Machines) {
    const wanted = withWholeDisks(atRest(await recordedLayout(name)));
    const ids = ofHere(wanted);
    const bare = { ...wanted, components: disksOf(wanted), gaps: [] };
    const named = new Map(ids.map((id) => [id, id]));
    try {
      const plan = planLayout({ wanted, found: bare, blank: new Set(ids), named });
      const marked = plan.actions.flatMap(({ id }) => /^mark (.*)$/.exec(id)?.[1] ?? []).sort();
      expect(ours(plan, wanted, marksOf(plan, at, marked)), name).toEqual(marked);
      known += 1;
    } catch (error) {
      if (!(error instanceof LifeboatError)) throw error;
      console.log(`${name}: ${error.message}`);
    }
  }
  expect(known).toBeGreaterThan(30);
});

test('a mark with more than it has room for is one still, and names nothing', async () => {
  const { plan } = await machine();
  const mark = markOf(plan(['disk:A', 'disk:B']), 'disk:A', at);
  const long = markContent({ ...mark, makes: Array.from({ length: 1000 }, (_, index) => `${10_000_000 + index}`) });
  expect(long).toHaveLength(4096);
  expect(JSON.parse(long.toString().replace(/^\S+ /, '').replaceAll('\0', ''))).toEqual({ ...mark, makes: [] });
});

const { signal } = new AbortController();
const size = 32 << 20;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

test('a disk that does not answer keeps nobody from the others, and nobody knows what is on it', async () => {
  await using host = localHost();
  const names = ['blank', 'full', 'dead'] as const;
  const disks = names.map(
    (name): ComponentOf<'disk'> => ({
      kind: 'disk',
      id: `disk:${name}`,
      on: [],
      device: join(directory, name),
      sizeBytes: size,
      rotational: false,
      removable: false,
      readOnly: false,
    }),
  );
  const [blank, full, dead] = disks.map(({ device }) => device);
  if (blank === undefined || full === undefined || dead === undefined) throw new Error('no disks');
  for (const device of [blank, full]) {
    await writeFile(device, '');
    await truncate(device, size);
  }
  await using file = await open(full, 'r+');
  await file.write(Buffer.from('something'), 0, 9, 0);
  // Who opens it for reading waits for somebody who writes.
  await host.run(['mkfifo', dead], {}, signal);
  const hurried = {
    ...host,
    run: async (argv: Parameters<typeof host.run>[0], options: Parameters<typeof host.run>[1], inner: AbortSignal) => {
      expect(options.timeoutMs).toBeDefined();
      return await host.run(
        argv,
        { ...options, timeoutMs: argv.some((word) => word.includes(dead)) ? 300 : 60_000 },
        inner,
      );
    },
  };
  const layout = layoutOf(...disks);
  expect(await blankDisks(layout, layout, hurried, signal)).toEqual(new Set(['disk:blank']));
  const looked = await lookedAt(layout, layout, hurried, signal);
  expect(looked.silent).toEqual(new Set(['disk:dead']));
  const { wanted, found } = await machine();
  const [mute = '', ...others] = ofHere(found);
  const request = { wanted, found, blank: new Set(others), silent: new Set([mute]) };
  expect(planLayout(request).notes).toContainEqual(
    expect.stringMatching(/not looked at, as it does not answer: disk .*A/),
  );
  expect(() => planLayout({ ...request, blank: new Set() })).toThrow(/\(disk:A\): it does not answer/);
  const named = new Map(disksOf(wanted).map(({ id }, index) => [id, `disk:${'AB'[index]}`]));
  expect(() => planLayout({ ...request, named })).toThrow(/cannot be taken: it does not answer/);
});
