/** A kind that nobody has tried on its devices says so to people, and no other does. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { handlers } from './handlers.ts';

test('docs/layout.md marks the kinds that are unverified', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/layout.md'), 'utf8');
  const rows = text.split('\n').filter((line) => line.startsWith('| `'));
  for (const { kind, unverified } of handlers) {
    const row = rows.find((line) => line.split('|')[1]?.includes(`\`${kind}\``));
    expect(row, `the row of ${kind}`).toBeDefined();
    expect(/unverified/i.test(row ?? ''), kind).toBe(unverified !== undefined);
  }
  for (const reason of new Set(handlers.flatMap(({ unverified }) => unverified ?? []))) expect(text).toContain(reason);
});
