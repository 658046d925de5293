import { expect, test } from 'vitest';
import { type Proof, proofSchema, resultOf } from './proof.ts';
import { countsOf, problemOf } from './prove.ts';

const files = {
  total: 10,
  checked: 6,
  bytes: 600,
  files: 6,
  fileBytes: 600,
  sampled: false,
  wrong: 0,
  different: [],
  missing: [],
  extra: 1,
  extraPaths: ['/lost+found'],
  changedOnPurpose: 2,
  leftOut: 0,
  hidden: 3,
};
const whole = { files, graph: [], boot: [], mounts: [], notes: [] };
const proof = (more: Partial<Proof>): Proof => proofSchema.parse({ ...whole, result: 'failed', ...more });
const fault = { subject: '/etc/fstab', problem: 'x' };
const change = { subject: 'md:1', change: 'removed', risk: 'recovery', text: 'the array is gone' } as const;

test('one thing that is wrong fails it, a sample is said only of what is not wrong, and what is extra is no fault', () => {
  expect(resultOf(whole)).toBe('passed');
  expect(resultOf({ ...whole, files: { ...files, sampled: true } })).toBe('sampled');
  for (const wrong of [
    { graph: [change] },
    { boot: [fault] },
    { mounts: [fault] },
    { files: { ...files, wrong: 1, sampled: true } },
  ])
    expect(resultOf({ ...whole, ...wrong })).toBe('failed');
});

test('what goes on record is counted, and the first of each kind is said', () => {
  expect(countsOf(proof({}))).toEqual({ entries: 10, files: 6, bytes: 600, wrong: 0, graph: 0, boot: 0, mounts: 0 });
  expect(countsOf(proof({ files: { ...files, leftOut: 4 } }))).toMatchObject({ leftOut: 4 });
  expect(problemOf(proof({}))).toBeUndefined();
  const different = [{ path: '/etc/a\nb', differences: ['mode is 0600, expected 0644', 'owner'] }];
  expect(problemOf(proof({ files: { ...files, wrong: 2, different }, boot: [fault, fault], graph: [change] }))).toBe(
    '2 of 10 entries are not as in the point, such as /etc/a\\nb: mode is 0600, expected 0644; the storage is not as planned: the array is gone; it would not start: /etc/fstab: x',
  );
  expect(problemOf(proof({ files: { ...files, wrong: 1, missing: ['/x'] } }))).toContain('such as /x is missing');
});
