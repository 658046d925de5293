import { expect, test } from 'vitest';
import { parseInputs } from './inputs.ts';

test('reads JSON of every kind, with = in it too', () => {
  const typed = ['host="web1"', 'count=3', 'list=[1,null]', 'deep={"a":"b=c"}', 'count=4'];
  expect(parseInputs(typed)).toEqual({ host: 'web1', count: 4, list: [1, null], deep: { a: 'b=c' } });
  expect(parseInputs([])).toEqual({});
});

test.for([
  ['host=web1', /the value of --input host is not JSON: web1/],
  ['host=', /not JSON/],
  ['host', /not of the form key=JSON: --input host/],
  ['="x"', /not of the form/],
  ['1x=1', /not of the form/],
] as const)('refuses %s', ([text, message]) => {
  expect(() => parseInputs([text])).toThrow(
    expect.objectContaining({ code: 'usage', message: expect.stringMatching(message) }),
  );
});
