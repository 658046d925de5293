import { expect, test } from 'vitest';
import { stepsOf } from './define.ts';
import { checkSettings, noSettings, unitsOf } from './units.ts';
import { placedSteps, stage, type Workflow, workflow } from './workflow.ts';

interface State {
  readonly host: string;
  readonly layout: number;
  readonly plan: number;
}

const step = stepsOf<State>();
const read = step({ id: 'read', title: 'Read', needs: ['host'], gives: ['layout'], run: async () => ({ layout: 1 }) });
const plan = step({ id: 'plan', title: 'Plan', needs: ['layout'], gives: ['plan'], run: async () => ({ plan: 1 }) });
const show = step({ id: 'show', title: 'Show', needs: ['host'], gives: [], timeout: '5m', run: async () => ({}) });

function make(stages: Workflow['stages'], inputs = ['host']): () => Workflow {
  return () => workflow({ name: 'toy', title: 'Toy', inputs, stages });
}

test('steps have a place, and the order in which they stand', () => {
  const made = make([stage('look', [read]), stage('think', [plan, show])])();
  expect(placedSteps(made).map(({ id }) => id)).toEqual(['look.read', 'think.plan', 'think.show']);
  expect(make([])().stages).toEqual([]);
});

test.each([
  ['a need that nobody gives', [stage('a', [plan])], /step a\.plan needs "layout", which no earlier step gives/],
  ['a need that a later step gives', [stage('a', [plan, read])], /a\.plan needs "layout"/],
  ['a step twice in a stage', [stage('a', [read, read])], /step a\.read stands twice/],
  ['a stage twice', [stage('a', [read]), stage('a', [show])], /stage a stands twice/],
  ['a bad name of a stage', [stage('A b', [read])], /not a name for a stage: "A b"/],
  ['a bad name of a step', [stage('a', [{ ...read, id: '../x' }])], /not a name for a step: "..\/x"/],
  ['a bad time limit', [stage('a', [{ ...read, timeout: 'soon' }])], /not a duration: "soon"/],
])('refused: %s', (_name, stages, message) => {
  expect(make(stages)).toThrow(message);
});

test('the same step may stand in two stages', () => {
  expect(make([stage('a', [show]), stage('b', [show])])().stages).toHaveLength(2);
});

test('a step that is needed cannot be skipped, and is named', () => {
  const made = make([stage('look', [read]), stage('think', [plan, show])])();
  const units = (skip: string[]) => unitsOf(made, [], { ...noSettings, skip });
  expect(() => units(['look.read'])).toThrow(/think\.plan needs "layout" of look\.read, which is skipped/);
  expect(units(['look.read', 'think.plan']).map(({ skipped }) => skipped)).toEqual([true, true, false]);
});

test('limits and retries of the settings come before those of the step', () => {
  const made = make([stage('a', [show, read])])();
  const settings = { ...noSettings, limits: { 'a.show': '2s' }, retries: { 'a.show': 4 } };
  expect(unitsOf(made, [], settings)).toMatchObject([
    { id: 'a.show', timeoutMs: 2000, retries: 4 },
    { id: 'a.read', timeoutMs: 86_400_000, retries: 0 },
  ]);
  expect(() => unitsOf(made, [], { ...noSettings, limits: { 'a.show': '2 weeks' } })).toThrow(/not a duration/);
});

test('settings for steps that no workflow has are refused', () => {
  const made = make([stage('look', [read])])();
  const check = (skip: string) => () => checkSettings({ ...noSettings, skip: [skip] }, [made]);
  expect(check('look.read')).not.toThrow();
  expect(check('look.raed')).toThrow(
    expect.objectContaining({ code: 'config-invalid', hint: expect.stringContaining('look.read') }),
  );
});
