/** Plans for random machines and disks, carried out on a machine of the model, and what has to hold of each. */
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { LifeboatError } from '../../src/kernel/errors.ts';
import { planDigest, type Plan } from '../../src/layout/rebuild/document.ts';
import { diskPaths, pathIn } from '../../src/layout/rebuild/paths.ts';
import { planLayout, type PlanRequest } from '../../src/layout/rebuild/plan.ts';
import { leastBytes } from '../../src/layout/rebuild/rooms/filesystems.ts';
import { disksOf, siteOf } from '../../src/layout/rebuild/site.ts';
import { type Component, type Layout, parseLayout } from '../../src/layout/types.ts';
import { execute, type Progress } from '../../src/plan/execute.ts';
import { differences, machineOf, modelHost } from './model-host.ts';
import type { Machine } from './model-machine.ts';
import { otherLayout, randomLayout } from './random-layouts.ts';

const mib = 1 << 20;

interface Case {
  readonly request: PlanRequest;
  /** Which command fails, in parts of all, and whether it had done its work by then. */
  readonly fault: number;
  readonly late: boolean;
}

const factor = fc.oneof(fc.constant(1), fc.double({ min: 0.3, max: 3, noNaN: true }));

/** Why there may be no plan. */
const reasons: ReadonlySet<string> = new Set(['no-space', 'refused']);

/** Blank disks, used ones that somebody named, or the machine's own, in another order. */
const anyCase: fc.Arbitrary<Case> = fc
  .record({
    wanted: randomLayout,
    other: otherLayout,
    kind: fc.constantFrom('blank' as const, 'blank' as const, 'used' as const, 'own' as const),
    factors: fc.array(factor, { minLength: 6, maxLength: 6 }),
    sectors: fc.array(fc.constantFrom(512, 4096, undefined, undefined, undefined), { minLength: 6, maxLength: 6 }),
    odd: fc.nat({ max: 255 }),
    turn: fc.nat({ max: 3 }),
    more: fc.nat({ max: 2 }),
    grow: fc.boolean(),
    fault: fc.double({ min: 0, max: 0.999, noNaN: true }),
    late: fc.boolean(),
  })
  .map(({ wanted, other, kind, factors, sectors, odd, turn, more, grow, fault, late }): Case => {
    const grows = grow ? { grows: ({ kind: one }: Component) => ['ext', 'xfs', 'btrfs'].includes(one) } : {};
    const old = disksOf(wanted);
    if (kind === 'blank') {
      const disks = Array.from({ length: old.length + more }, (_, index): Component => {
        const like = old[(index + turn) % old.length];
        const sector = sectors[index] ?? like?.logicalSector ?? 512;
        const size = Math.floor(((like?.sizeBytes ?? 0) * (factors[index] ?? 1)) / mib) * mib + odd * sector;
        return {
          ...(like ?? { kind: 'disk', on: [], rotational: false, removable: false, readOnly: false }),
          id: `disk:N${index}`,
          serial: `N${index}`,
          device: `/dev/vd${String.fromCharCode(97 + index)}`,
          logicalSector: sector,
          sizeBytes: factors[index] === 1 ? (like?.sizeBytes ?? 0) : size,
        };
      });
      const found = { ...wanted, components: disks };
      return { request: { wanted, found, blank: new Set(disks.map(({ id }) => id)), ...grows }, fault, late };
    }
    const found = kind === 'own' ? wanted : other;
    const there = disksOf(found);
    const named = new Map(
      old.flatMap(({ id }, index): [string, string][] => {
        const to = there[(index + turn) % there.length];
        return to === undefined || index >= there.length ? [] : [[id, to.id]];
      }),
    );
    return { request: { wanted, found: atRest(found), blank: new Set(), named, ...grows }, fault, late };
  });

/** Nobody swaps to it. */
const atRest = (layout: Layout): Layout => ({
  ...layout,
  components: layout.components.map((one) => (one.kind === 'swap' ? { ...one, active: false } : one)),
});

/** @returns how often there was a plan, and why there was none */
export async function simulatedPlans(runs: number): Promise<ReadonlyMap<string, number>> {
  const outcomes = new Map<string, number>();
  const property = fc.asyncProperty(anyCase, async (one) => {
    const outcome = await simulated(one);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  });
  await fc.assert(property, { numRuns: runs });
  return outcomes;
}

/**
 * @returns why there is no plan, or `made`
 * @throws where a plan does not do what it says, or something that it does not say
 */
async function simulated({ request, fault, late }: Case): Promise<string> {
  let plan: Plan;
  try {
    plan = planLayout(request);
  } catch (error) {
    if (error instanceof LifeboatError && reasons.has(error.code)) return error.code;
    throw error;
  }
  expect(planDigest(planLayout(request))).toBe(planDigest(plan));
  expect(parseLayout(JSON.parse(JSON.stringify(plan.layout)))).toEqual(plan.layout);
  expectRoom(request.wanted, plan.layout);
  expectNothingToDo(plan);
  const calls = await carriedOut(plan, request.found);
  if (calls > 0) await carriedOut(plan, request.found, { at: Math.floor(fault * calls), late });
  return 'made';
}

/** @returns how many commands it took */
async function carriedOut(
  plan: Plan,
  found: Layout,
  fault?: { readonly at: number; readonly late: boolean },
): Promise<number> {
  const machine = machineOf(found);
  const progress = inMemory();
  const cut = new Error('cut off here');
  const host = modelHost(machine, (call, done) => {
    if (fault?.at === call && fault.late === done) throw cut;
  });
  const { signal } = new AbortController();
  const run = (): Promise<void> =>
    execute(
      plan.actions,
      { host, progress, given: async (name) => given(name, plan), ...located(plan), say: () => {} },
      signal,
    );
  if (fault === undefined) await run();
  else {
    await expect(run()).rejects.toBe(cut);
    await run();
  }
  expectOnlyMapped(machine, plan);
  expect(differences(machine, plan.layout).join('; ')).toBe('');
  return host.calls.length;
}

function located(plan: Plan) {
  const sites = { before: siteOf(plan.before.components), after: siteOf(plan.layout.components) };
  const paths = diskPaths(disksOf(plan.before));
  const path = async (id: string): Promise<string> => pathIn(sites, id, paths);
  return { path, locate: async () => path, check: async () => {} };
}

/** Of a header as much as the model has to know. */
function given(name: string, { layout }: Plan): Uint8Array {
  const [, uuid] = /^luks-header:(.*)$/.exec(name) ?? [];
  if (uuid === undefined) return Buffer.alloc(name.startsWith('mark:') ? 4096 : 16);
  const volume = layout.components.find((one) => one.kind === 'luks' && one.uuid === uuid);
  const offset = volume?.kind === 'luks' ? (volume.geometry?.offsetBytes ?? 0) : 0;
  const header = Buffer.alloc(offset);
  header.write(`luks ${offset}\n`);
  return header;
}

function inMemory(): Progress {
  const begun = new Set<string>();
  const ended = new Set<string>();
  return {
    begun,
    ended,
    begin: async (id) => void begun.add(id),
    end: async (id) => void ended.add(id),
  };
}

function expectOnlyMapped(machine: Machine, { disks }: Plan): void {
  const mapped = disks.map(({ id }) => id);
  for (const { disk, end } of machine.written) {
    expect(mapped).toContain(disk);
    expect(end).toBeLessThanOrEqual(disks.find(({ id }) => id === disk)?.sizeBytes ?? 0);
  }
}

/** A machine that is as it was captured, on its own disks, has nothing to do. */
function expectNothingToDo({ layout, disks }: Plan): void {
  const keep = new Set(disks.map(({ id }) => id));
  const again = planLayout({ wanted: layout, found: layout, blank: new Set(), keep });
  expect(again.actions).toEqual([]);
  expect(again.disks).toEqual([]);
}

/** No filesystem is smaller than what it holds needs. */
function expectRoom(before: Layout, after: Layout): void {
  const was = new Map(before.components.map((component) => [component.id, component]));
  for (const component of after.components) {
    if (component.kind !== 'ext' && component.kind !== 'xfs' && component.kind !== 'btrfs') continue;
    const old = was.get(component.id);
    if (old?.kind === component.kind) expect(component.sizeBytes).toBeGreaterThanOrEqual(leastBytes(old));
  }
}
