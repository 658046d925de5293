import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatBytes, formatDuration, parseDuration } from './units.ts';

test.each([
  [0, '0 B'],
  [1, '1 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [102_400, '100 KiB'],
  [1_048_575, '1.0 MiB'],
  [1_048_576, '1.0 MiB'],
  [2 ** 40, '1.0 TiB'],
  [2 ** 70, '1024 EiB'],
  [-1536, '-1.5 KiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test('a size is never shown with more than four digits', () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 31 - 1 }), (bytes) => {
      expect(formatBytes(bytes)).toMatch(/^(\d{1,3}|10[0-2]\d|\d{1,2}\.\d) [KMG]?i?B$/);
    }),
  );
});

test.each([
  ['500ms', 500],
  ['90s', 90_000],
  ['15m', 900_000],
  ['1.5h', 5_400_000],
  ['2h', 7_200_000],
  [' 1 d ', 86_400_000],
  ['0s', 0],
])('%j lasts %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '5', 's', '-5s', '5 w', '1e3s', '5s 3m', '5S', 'NaNs', '.5s'])('%j is not a duration', (text) => {
  expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 'usage', hint: expect.any(String) }));
});

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [1500, '1.5 s'],
  [12_400, '12 s'],
  [59_600, '1 m 0 s'],
  [83_000, '1 m 23 s'],
  [3_600_000, '1 h 0 m'],
  [90_000_000, '1 d 1 h'],
])('%d ms are shown as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
