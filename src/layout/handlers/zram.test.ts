import { expect, test } from 'vitest';
import { parseSettings } from './zram.ts';

test('the algorithm in use, the limit, and where it writes to', () => {
  const said = [
    '/sys/block/zram0/comp_algorithm:lzo lzo-rle lz4 [zstd] ',
    '/sys/block/zram0/mm_stat:    4096       57     4096 50331648     4096        0        0        0',
    '/sys/block/zram0/backing_dev:none',
    '/sys/block/zram1/comp_algorithm:[lzo-rle] zstd',
    '/sys/block/zram1/mm_stat:       0        0        0        0        0        0        0        0        0',
    '/sys/block/zram1/backing_dev:/dev/sdb1',
    '',
  ].join('\n');
  expect(parseSettings(said)).toEqual(
    new Map([
      ['zram0', { algorithm: 'zstd', memoryLimitBytes: 50331648 }],
      ['zram1', { algorithm: 'lzo-rle', backingDevice: '/dev/sdb1' }],
    ]),
  );
  expect(() => parseSettings('grep: nonsense\n')).toThrow('not a setting');
});
