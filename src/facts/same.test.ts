import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** The walls let none of these three rooms import another; until they share a place, the copies must not drift apart. */
test.each([
  ['asker.ts', 'facts', 'layout'],
  ['asker.ts', 'facts', 'network'],
  ['document.ts', 'facts', 'layout'],
  ['document.ts', 'facts', 'network'],
  ['present.ts', 'layout', 'network'],
])('%s is the same in %s and %s', (file, one, other) => {
  const read = (room: string) => readFileSync(join(import.meta.dirname, '..', room, file), 'utf8');
  expect(read(other)).toBe(read(one));
});
