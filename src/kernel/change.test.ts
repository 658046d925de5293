import { expect, test } from 'vitest';
import { type Change, changeLines } from './change.ts';

const change = (risk: Change['risk'], text: string): Change => ({ subject: 'x', change: 'added', risk, text });

test('changes are grouped by risk, the worst first, and safe to print', () => {
  expect(changeLines([change('appearance', 'c'), change('recovery', 'a'), change('data', 'b\u001b[31m\n')])).toEqual([
    'A recovery would fail:',
    '  a',
    'A recovery would lose data:',
    '  b\\x1b[31m\\n',
    'A recovery would only look different:',
    '  c',
  ]);
});

test('nothing to say about nothing', () => {
  expect(changeLines([])).toEqual([]);
});
