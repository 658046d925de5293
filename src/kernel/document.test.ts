import { expect, test } from 'vitest';
import { z } from 'zod';
import { checkDocument, parseDocument, refuseNewer } from './document.ts';

const format = 'lifeboat.thing/2';
const schema = z.object({ format: z.literal(format), list: z.array(z.object({ size: z.number() })) });
const good = { format, list: [{ size: 1 }] };

test('a document that is right is given in its type', () => {
  expect(checkDocument(good, schema, format, 'the thing')).toEqual(good);
  expect(parseDocument(Buffer.from(JSON.stringify(good)), schema, format, 'the thing')).toEqual(good);
});

test('a newer one is told from a damaged one', () => {
  const newer = { format: 'lifeboat.thing/10', other: true };
  const refusal = expect.objectContaining({
    code: 'newer-format',
    message: expect.stringContaining('lifeboat.thing/10'),
  });
  expect(() => checkDocument(newer, schema, format, 'the thing')).toThrow(refusal);
  expect(() => refuseNewer(newer, format, 'the thing')).toThrow(refusal);
  for (const other of [good, null, 'x', { format: 'lifeboat.other/9' }, { format: 'lifeboat.thing/1' }, { format: 9 }])
    expect(() => refuseNewer(other, format, 'the thing')).not.toThrow();
});

test.each([
  ['no format', { list: [] }],
  ['another format', { ...good, format: 'lifeboat.other/2' }],
  ['an older format that nobody reads', { ...good, format: 'lifeboat.thing/1' }],
  ['not an object', [1]],
  ['null', null],
])('damaged: %s', (_name, document) => {
  expect(() => checkDocument(document, schema, format, 'the thing')).toThrow(
    expect.objectContaining({ code: 'record-damaged', message: expect.stringContaining('the thing') }),
  );
});

test('a wrong place is named', () => {
  const wrong = { format, list: [{ size: 1 }, { size: 'two' }] };
  expect(() => checkDocument(wrong, schema, format, 'the thing')).toThrow(/list\[1\]\.size/);
});

test.each(['', '{', '{"format":"lifeboat.thing/2"', '\0\0'])('bytes that are no JSON: %j', (text) => {
  expect(() => parseDocument(Buffer.from(text), schema, format, 'the thing')).toThrow(
    expect.objectContaining({ code: 'record-damaged', message: expect.stringContaining('the thing') }),
  );
});
