import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseConfig } from './load.ts';
import { configTemplate } from './template.ts';

const common = { repository: 'file:///mnt/backup', engine: 'tar' } as const;

test('reads back as it was chosen', () => {
  const text = configTemplate({ ...common, include: ['/etc', '/srv/my data'], exclude: ['*.tmp'], host: 'web1' });
  expect(parseConfig(text, 'c.yaml')).toMatchObject({
    ...common,
    host: 'web1',
    backup: { include: ['/etc', '/srv/my data'], exclude: ['*.tmp'], compressionLevel: 3 },
    skip: [],
    limits: {},
    retries: {},
  });
});

test('has a valid example for each key that it leaves out', () => {
  const text = configTemplate({ ...common, include: ['/'], exclude: [] })
    .replace('# host:', 'host:')
    .replaceAll(/^# (limits|retries| +store\.data)/gm, '$1');
  const config = parseConfig(text, 'c.yaml');
  expect(config.host).toBe('name');
  expect(config.limits).toEqual({ 'store.data': '8h' });
  expect(config.retries).toEqual({ 'store.data': 3 });
});

test.each([
  '/with: colon',
  '/with # hash',
  '/trailing ',
  "/it's",
  '/a"b',
  '/new\nline\n',
  '/tab\t',
  '/{a}',
  '/\udcff',
  `/${'long words '.repeat(30)}`,
  '/ü/日本',
  '/\u0007\u0085\u2028\ufeff',
])('keeps the path %j', (path) => {
  const text = configTemplate({ ...common, include: [path], exclude: [path] });
  const written = Buffer.from(text, 'utf8').toString('utf8');
  expect(parseConfig(written, 'c.yaml').backup).toMatchObject({ include: [path], exclude: [path] });
});

test('keeps any path and pattern', () => {
  fc.assert(
    fc.property(
      fc
        .string({ unit: 'binary' })
        .filter((text) => !text.includes('\0') && !/:\/\/|[?&;]/.test(text) && !`/${text}`.split('/').includes('..')),
      fc.string({ minLength: 1 }).filter((text) => !/:\/\/|[?&;]|^\/+$/.test(text)),
      (path, pattern) => {
        const text = configTemplate({ ...common, include: [`/${path}`], exclude: [pattern, 'null', '- x', '~'] });
        const { include, exclude } = parseConfig(Buffer.from(text).toString('utf8'), 'c.yaml').backup;
        expect([include, exclude]).toEqual([[`/${path}`], [pattern, 'null', '- x', '~']]);
      },
    ),
  );
});
