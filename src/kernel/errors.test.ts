import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import {
  asLifeboatError,
  type ErrorCode,
  errorRecord,
  exitStatuses,
  exitStatusOf,
  explaining,
  hasErrno,
  isErrorCode,
  isSystemError,
  LifeboatError,
} from './errors.ts';

function system(code: string): Error {
  return Object.assign(new Error(`${code}: something`), { code });
}

test.each([
  ['failed', 1],
  ['bug', 1],
  ['usage', 2],
  ['config-invalid', 2],
  ['workflow-invalid', 2],
  ['no-space', 1],
  ['journal-damaged', 1],
  ['step-timeout', 1],
  ['difference', 3],
  ['incomplete', 4],
  ['refused', 5],
  ['locked', 6],
  ['interrupted', 130],
] satisfies [ErrorCode, number][])('%s → exit status %i', (code, status) => {
  expect(exitStatusOf(new LifeboatError(code, ''))).toBe(status);
  expect(Object.keys(exitStatuses)).toContain(String(status));
});

test('codes are known by their exact name', () => {
  expect(isErrorCode('locked')).toBe(true);
  for (const name of ['toString', '__proto__', 'LOCKED', '']) expect(isErrorCode(name)).toBe(false);
});

test('an unknown error is a failure', () => {
  for (const thrown of [new Error('x'), 'x', undefined, null, { code: 'locked' }]) expect(exitStatusOf(thrown)).toBe(1);
});

test.each([
  ['ENOSPC', 'no-space', false],
  ['EDQUOT', 'no-space', false],
  ['EACCES', 'permission-denied', false],
  ['EROFS', 'permission-denied', false],
  ['ENOENT', 'not-found', false],
  ['EEXIST', 'exists', false],
  ['ECONNREFUSED', 'unreachable', true],
  ['ENOTFOUND', 'unreachable', true],
  ['EAI_AGAIN', 'unreachable', true],
  ['EBUSY', 'failed', true],
  ['EXDEV', 'failed', false],
])('the system’s %s is %s (worth another try: %s)', (errno, code, retryable) => {
  const error = asLifeboatError(system(errno));
  expect(error).toMatchObject({ code, retryable });
  expect(error.cause).toMatchObject({ code: errno });
});

test('errors of Node’s own libraries are no system errors', () => {
  expect(isSystemError(system('ERR_INVALID_ARG_TYPE'))).toBe(false);
  expect(asLifeboatError(system('ERR_INVALID_ARG_TYPE'))).toMatchObject({ code: 'bug' });
  expect(hasErrno(system('ENOENT'), 'EEXIST', 'ENOENT')).toBe(true);
  expect(hasErrno(system('ENOENT'), 'EEXIST')).toBe(false);
  expect(hasErrno('ENOENT', 'ENOENT')).toBe(false);
});

test('what was thrown becomes one of ours, once', () => {
  const ours = new LifeboatError('locked', 'taken');
  expect(asLifeboatError(ours)).toBe(ours);
  expect(asLifeboatError(new AggregateError([system('ECONNREFUSED'), new Error('second')]))).toMatchObject({
    code: 'unreachable',
  });
  expect(asLifeboatError(new SuppressedError(new Error('closing'), ours))).toBe(ours);
  expect(asLifeboatError('a string')).toMatchObject({ code: 'bug', message: 'a string' });
  expect(asLifeboatError(undefined)).toMatchObject({ code: 'bug', message: 'undefined' });
});

test('the record of an error is plain data with its causes, and ends where causes go in a circle', () => {
  const cause = new Error('second', { cause: new Error('third') });
  const record = errorRecord(new LifeboatError('failed', 'first', { hint: 'Do this.', retryable: true, cause }));
  expect(record).toEqual({
    code: 'failed',
    message: 'first',
    hint: 'Do this.',
    retryable: true,
    causes: ['second', 'third'],
  });
  expect(JSON.parse(JSON.stringify(record))).toEqual(record);
  expect(errorRecord(new LifeboatError('failed', 'first'))).toEqual({ code: 'failed', message: 'first' });
  const round: Error & { cause?: unknown } = new Error('round');
  round.cause = round;
  expect(errorRecord(new LifeboatError('failed', 'x', { cause: round })).causes?.length).toBeLessThan(10);
});

test('explaining says what was being done, and leaves errors of ours alone', async () => {
  await expect(explaining('read the list', () => readFile('/does/not/exist'))).rejects.toMatchObject({
    code: 'not-found',
    message: expect.stringMatching(/^read the list: ENOENT/),
  });
  const ours = new LifeboatError('refused', 'no');
  await expect(explaining('x', () => Promise.reject(ours))).rejects.toBe(ours);
  await expect(explaining('x', async () => 5)).resolves.toBe(5);
});
