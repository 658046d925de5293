import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { machine, type Release, releases } from '../../../test/helpers/machines.ts';
import { type Recording, recordedHost } from '../../host/recorded.ts';
import { nameFromBytes, nameToBytes } from '../../kernel/text.ts';
import { captureLayout } from '../capture.ts';
import { layoutChanges } from '../diff.ts';
import type { Component } from '../types.ts';
import { f2fs, parseCheckpoint, parseSuperblock } from './f2fs.ts';

const now = new Date('2026-11-21T12:00:00Z');
const partition = (number: string): string => `partition:0b0f1a4e-0${number}-4000-8000-000000000${number}`;

async function captured(recording: Recording, signal: AbortSignal) {
  const layout = await captureLayout(recordedHost(recording), now, signal);
  const found = layout.components.filter((one): one is Extract<Component, { kind: 'f2fs' }> => one.kind === 'f2fs');
  return { layout, gaps: layout.gaps, one: found[0] };
}

/** The recorded machine with other bytes in one block of its f2fs: in the superblock, or in one of the checkpoints. */
function damaged(
  release: Release,
  block: 0 | 1 | 2,
  change: (bytes: Buffer) => void,
  of = machine(release),
): Recording {
  const blocks = of.commands.filter(({ argv }) => argv[0] === 'dd' && argv[1] === 'if=/dev/loop60p10');
  const skips = blocks.map(({ argv }) => Number(argv.find((word) => word.startsWith('skip='))?.slice(5) ?? 0));
  const wanted = skips.toSorted((a, b) => a - b)[block] ?? -1;
  const command = blocks[skips.indexOf(wanted)] ?? expect.unreachable('no such block in the recording');
  const bytes = nameToBytes(command.stdout);
  change(bytes);
  command.stdout = nameFromBytes(bytes);
  return of;
}

describe.each(releases)('f2fs of %s', (release) => {
  test('the geometry is what mkfs was told', async ({ signal }) => {
    const { gaps, one } = await captured(machine(release), signal);
    expect(gaps).toEqual([]);
    expect(one).toMatchObject({
      id: 'filesystem:0b0f1a4e-030a-4000-8000-00000000030a',
      on: [partition('10a')],
      label: 'flash',
      sizeBytes: 128 << 20,
      usedBytes: 13 * 4096,
      geometry: {
        blockSize: 4096,
        sectorSize: 512,
        blockCount: (128 << 20) / 4096,
        blocksPerSegment: 512,
        segmentsPerSection: 2,
        sectionsPerZone: 2,
        encoding: { name: 'utf8', flags: ['strict'] },
        extendedNodeBitmap: true,
      },
    });
    const told =
      'encrypt,extra_attr,project_quota,inode_checksum,flexible_inline_xattr,quota,inode_crtime,lost_found,verity,' +
      'sb_checksum,casefold,compression';
    expect(one?.geometry?.features).toEqual(told.split(',').sort());
    expect(one?.geometry).not.toHaveProperty('devices');
    expect(one?.geometry?.coldExtensions.slice(-3)).toEqual(['so', '7z', 'vhd']);
    expect(one?.geometry?.hotExtensions.at(0)).toBe('db');
    expect(one?.geometry?.hotExtensions.slice(-2)).toEqual(['sqlite', 'wal']);
  });

  test('overprovision: what the mkfs of the release makes of 20 per cent', async ({ signal }) => {
    const { one } = await captured(machine(release), signal);
    const early = release === 'debian11' || release === 'debian12';
    expect(one?.geometry).toMatchObject(
      early
        ? { reservedSegments: 36, overprovisionSegments: 39, mainSegments: 52 }
        : { reservedSegments: 24, overprovisionSegments: 28, mainSegments: 52 },
    );
  });
});

describe('checkpoints', () => {
  const spoil = (bytes: Buffer) => bytes.fill(0xff, 16, 24);

  test.each([1, 2] as const)('that one is broken is no gap and changes no setting: %s', async (block) => {
    const { signal } = new AbortController();
    const [whole, { layout, gaps, one }] = await Promise.all([
      captured(machine('debian12'), signal),
      captured(damaged('debian12', block, spoil), signal),
    ]);
    expect(gaps).toEqual([]);
    expect(one).toMatchObject({ usedBytes: 13 * 4096 });
    expect(layoutChanges(whole.layout, layout)).toEqual([]);
  });

  test('both are broken: what only they tell is left out, and named', async ({ signal }) => {
    const { gaps, one } = await captured(damaged('debian12', 2, spoil, damaged('debian12', 1, spoil)), signal);
    expect(gaps).toMatchObject([{ subject: '/dev/loop60p10', hint: 'run fsck.f2fs' }]);
    expect(one).not.toHaveProperty('usedBytes');
    expect(one?.geometry).toMatchObject({ segmentsPerSection: 2 });
    expect(one?.geometry).not.toHaveProperty('overprovisionSegments');
  });

  test('the checksum stands at the end, or before bitmaps that count too', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 4096, maxLength: 4096 }),
        fc.constantFrom(192, 4092),
        fc.nat({ max: 4095 }),
        (random, end, at) => {
          const block = Buffer.from(random);
          block.writeUInt32LE(end, 164);
          block.writeUInt32LE(kernelCrc(Buffer.concat([block.subarray(0, end), block.subarray(end + 4)])), end);
          expect(parseCheckpoint(block, { blockSize: 4096 })).toMatchObject({ version: block.readBigUInt64LE(0) });
          block.writeUInt8(block.readUInt8(at) ^ 1, at);
          expect(parseCheckpoint(block, { blockSize: 4096 })).toBe('broken');
        },
      ),
      { numRuns: 20 },
    );
  });

  test('less than a block is an error', () => {
    expect(() => parseCheckpoint(Buffer.alloc(512), { blockSize: 4096 })).toThrow('not a block');
  });
});

describe('several devices', () => {
  /** As `mkfs.f2fs -c` of all four releases writes them: what is behind the end of a name is not cleared. */
  const withDevices = (...devices: readonly (readonly [path: string, segments: number])[]) =>
    damaged('debian12', 0, (bytes) => {
      for (const [index, [path, segments]] of devices.entries()) {
        const offset = 1024 + 2201 + 68 * index;
        bytes.fill(0xa5, offset, offset + 64);
        bytes.write(`${path}\0`, offset, 'latin1');
        bytes.writeUInt32LE(segments, offset + 64);
      }
    });

  test('it stands on all of them, though only the first is known by what lies on it', async ({ signal }) => {
    const { gaps, one } = await captured(withDevices(['/dev/loop60p10', 47], ['/dev/loop60p13', 16]), signal);
    expect(gaps).toEqual([]);
    expect(one?.on).toEqual([partition('10a'), partition('10d')]);
    expect(one?.geometry?.devices).toEqual([
      { path: '/dev/loop60p10', segments: 47 },
      { path: '/dev/loop60p13', segments: 16 },
    ]);
    if (one !== undefined) expect(f2fs.title(one)).toContain('2 devices');
  });

  test.each([
    ['is not there', '/dev/sdz', 16],
    ['is by now that of another filesystem', '/dev/loop60p12', 16],
    ['is by now that of a smaller one', '/dev/loop60p13', 17],
  ])('a name that %s is named', async (_, path, segments) => {
    const { signal } = new AbortController();
    const { gaps, one } = await captured(withDevices(['/dev/loop60p10', 47], [path, segments]), signal);
    expect(gaps).toMatchObject([{ subject: path }]);
    expect(one?.on).toEqual([partition('10a')]);
  });
});

test('what no mkfs of today knows is named by its number', async ({ signal }) => {
  const { one } = await captured(
    damaged('debian12', 0, (bytes) => {
      bytes.writeUInt32LE(0x8001_0002, 1024 + 2180);
      bytes.writeUInt16LE(7, 1024 + 2758);
    }),
    signal,
  );
  expect(one?.geometry).toMatchObject({
    features: ['bit 31', 'blkzoned', 'packed_ssa'],
    encoding: { name: 'encoding 7', flags: ['strict'] },
  });
});

test('any superblock gives a possible geometry or an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4096, maxLength: 4096 }), fc.nat({ max: 31 }), (random, shift) => {
      const bytes = Buffer.from(random);
      bytes.writeUInt32LE(0xf2f52010, 1024);
      for (const [offset, value] of [
        [8, 9],
        [16, 12],
        [20, 9],
      ] as const)
        bytes.writeUInt32LE(value, 1024 + offset);
      bytes.writeBigUInt64LE(BigInt(1) << BigInt(shift), 1024 + 36);
      try {
        const { settings, checkpoints } = parseSuperblock(bytes);
        expect(settings.coldExtensions.length + settings.hotExtensions.length).toBeLessThanOrEqual(64);
        for (const block of checkpoints) expect(block).toBeLessThan(settings.blockCount);
      } catch (error) {
        if (!(error instanceof Error) || error.name === 'AssertionError') throw error;
      }
    }),
  );
});

/** Bit by bit, as the kernel's `crc32_le` is defined. */
function kernelCrc(bytes: Buffer): number {
  let crc = 0xf2f52010;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 1 ? 0xedb88320 : 0);
  }
  return crc >>> 0;
}
