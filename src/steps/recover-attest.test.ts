import { expect, test } from 'vitest';
import { madeDescription } from '../../test/helpers/points.ts';
import { attestationSchema, trustOf } from '../point/point.ts';
import type { Part } from '../recover/request.ts';
import { partsOf } from '../recover/request.ts';
import { attestationOf, type Ended } from './recover-attest.ts';

const none = { mountOnly: false, layoutOnly: false, filesOnly: false };
const proof = (result: 'passed' | 'sampled' | 'failed') => ({
  files: {
    total: 9,
    checked: 7,
    bytes: 100,
    wrong: result === 'failed' ? 1 : 0,
    leftOut: 0,
    missing: ['/etc/passwd'],
    different: [],
  },
  graph: [],
  boot: [],
  mounts: [],
  notes: [],
  result,
});

const ended = (parts: readonly Part[], result: 'passed' | 'sampled' | 'failed', disks: readonly string[] = []) =>
  ({
    point: madeDescription('20261118T020000Z-aaaaaa'),
    hostName: 'box',
    version: '1',
    begun: '2026-11-22T10:00:00.000Z',
    phases: [{ name: 'prove', seconds: 12 }],
    proof: proof(result),
    newRoot: { firmware: 'bios' },
    layoutPlan: { disks: disks.map((id) => ({ id })), layout: madeDescription('p').layout },
    recoverRequest: { parts, medium: 'm1' },
  }) as unknown as Ended;

const attested = (...given: Parameters<typeof ended>) =>
  attestationSchema.parse(attestationOf(ended(...given), '2026-11-22T10:00:12.000Z', 'run'));

test('a recovery that was done at once has its time, and what was proven', () => {
  expect(attested(partsOf(none), 'passed', ['disk:A'])).toMatchObject({ result: 'passed', seconds: 12 });
  expect(attested(partsOf(none), 'sampled', ['disk:A'])).toMatchObject({ result: 'sampled', seconds: 12 });
});

test('the medium is on record, whoever was there', () => {
  expect(attested(partsOf(none), 'passed', ['disk:A'])).toMatchObject({ machine: { medium: 'm1' } });
});

test.for(['mount', 'restore', 'finalize', 'prove'])('one that was gone on with from %s is no whole one', (from) => {
  const it = attested(partsOf({ ...none, from }), 'passed');
  expect(it).toMatchObject({ result: 'unchecked', unchecked: ['time', 'storage'] });
  expect(it).not.toHaveProperty('seconds');
  expect(trustOf(undefined, [], it.kind === 'recovered' ? it : undefined)).toBe('stored');
});

test('what was proven to be wrong has failed, wherever it began', () => {
  expect(attested(partsOf({ ...none, from: 'finalize' }), 'failed')).toMatchObject({ result: 'failed' });
});
