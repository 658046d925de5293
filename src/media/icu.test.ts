import { execFileSync } from 'node:child_process';
import { chmod, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { dropItems, dropLanguages } from './icu.ts';

/** What lifeboat and its packages ask of ICU, and dates in another language. */
const asked = `
  const at = new Date('2026-11-22T03:04:05Z');
  console.log(JSON.stringify([
    ['b', 'ä', 'a', '10', '9', 'Z'].sort(new Intl.Collator('en', { numeric: true }).compare),
    new Intl.DateTimeFormat('en', { dateStyle: 'full', timeStyle: 'long', timeZone: 'Europe/Berlin' }).format(at),
    new Intl.DateTimeFormat('en', { timeZone: 'Pacific/Chatham', timeZoneName: 'long' }).format(at),
    (1234567.891).toLocaleString(), new Intl.PluralRules('en').select(1), 'ÄÖ\\u0131'.normalize('NFD').length,
    'İI'.toLocaleLowerCase('tr'), [...new Intl.Segmenter('en').segment('👨‍👩‍👧a')].length, /^\\p{L}\\p{Emoji}$/u.test('é👍'),
    [...new Intl.Segmenter('en', { granularity: 'word' }).segment('a big wave')].length, new URL('http://münchen.de').host,
    new TextDecoder('utf-16le').decode(Buffer.from('a\\0')), new Intl.RelativeTimeFormat('en').format(-1, 'day'),
    Intl.DateTimeFormat('en', { timeZone: 'UTC' }).resolvedOptions(), new Intl.ListFormat('en').format(['a', 'b', 'c']),
  ]));
  console.log(new Intl.DateTimeFormat('de', { dateStyle: 'full', timeZone: 'UTC' }).format(at));`;

test('Node says the same in English without the other languages, and English in place of them', {
  timeout: 120_000,
}, async () => {
  await using directory = await temporaryDirectory();
  const node = join(directory.path, 'node');
  await copyFile(process.execPath, node);
  await dropLanguages(node);
  await chmod(node, 0o755);
  const saidBy = (program: string) => execFileSync(program, ['-e', asked], { encoding: 'utf8' }).split('\n');
  const [before, german] = saidBy(process.execPath);
  const [after, instead] = saidBy(node);
  expect(after).toBe(before);
  expect([german, instead]).toEqual(['Sonntag, 22. November 2026', 'Sunday, November 22, 2026']);
});

test('items are taken out of a table, and the last one stays as its end is not known', () => {
  const table = Buffer.alloc(64);
  table.writeUInt32LE(3, 0);
  for (const [index, number] of [28, 48, 34, 52, 40, 56].entries()) table.writeUInt32LE(number, 4 + 4 * index);
  table.write('p/a\0', 28);
  table.write('p/b\0', 34);
  table.write('p/c\0', 40);
  table.write('AAAABBBBCCCCCCCC', 48);
  dropItems(table, (name) => name === 'b');
  expect([0, 4, 8, 12, 16, 20, 24].map((at) => table.readUInt32LE(at))).toEqual([2, 34, 52, 40, 56, 0, 0]);
  expect(table.toString('latin1', 28)).toBe(`${'\0'.repeat(6)}p/b${'\0'.repeat(3)}p/c${'\0'.repeat(9)}BBBBCCCCCCCC`);
});
