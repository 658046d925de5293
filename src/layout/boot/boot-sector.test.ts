import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bootCode, coreSectors, savedCode } from './boot-sector.ts';

const file = join(import.meta.dirname, '../../../test/fixtures/boot/sectors.json');
const sectors: Record<string, { base64: string }> = JSON.parse(readFileSync(file, 'utf8'));
const sector = (name: string) => Buffer.from(sectors[name]?.base64 ?? '', 'base64');

describe('sectors that real tools wrote', () => {
  test.each([
    ['grub-in-the-gap', { type: 'grub-pc', coreSector: 1 }],
    ['grub-in-a-partition', { type: 'grub-pc', coreSector: 2048 }],
    ['syslinux-mbr', { type: 'syslinux' }],
    ['syslinux-gptmbr', { type: 'syslinux' }],
    ['syslinux-altmbr', { type: 'syslinux' }],
    ['extlinux-partition', { type: 'syslinux' }],
    ['sfdisk-only', undefined],
    ['mkfs-vfat', undefined],
  ])('%s', (name, code) => {
    expect(sector(name)).toHaveLength(512);
    expect(bootCode(sector(name))).toEqual(code);
  });

  test('the core of GRUB is known by its first sector, which lists the others', () => {
    expect(coreSectors(sector('grub-core'))).toBeGreaterThan(50);
    expect(coreSectors(sector('grub-in-the-gap'))).toBeUndefined();
    expect(coreSectors(Buffer.alloc(512))).toBeUndefined();
  });

  test('of code that no tool may be there to install, all is kept but the partition table', () => {
    const saved = Buffer.from(savedCode(sector('syslinux-mbr')), 'base64');
    expect(saved).toEqual(sector('syslinux-mbr').subarray(0, 440));
  });
});

test('any bytes are some code, none, or no sector', () => {
  const bytes = fc.uint8Array({ minLength: 512, maxLength: 1024 });
  fc.assert(
    fc.property(bytes, fc.boolean(), (content, signed) => {
      const head = Buffer.from(content);
      if (signed) head.writeUInt16LE(0xaa55, 510);
      bootCode(head);
      coreSectors(head);
    }),
  );
  expect(() => bootCode(Buffer.alloc(511))).toThrow('not a whole sector');
});
