/** The stack of dm-integrity: what was captured is what `integritysetup` says. The witness reads its output by itself. */
import { expect, test } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { captureLayout } from '../../../src/layout/capture.ts';
import { type ComponentOf, type Layout, parseLayout } from '../../../src/layout/types.ts';
import { startLab } from '../lab.ts';
import { makeStack, scenes } from '../stack.ts';

const { signal } = new AbortController();
const now = new Date('2026-11-21T12:00:00Z');

test.each(scenes('integrity'))('$stack.name $release', { timeout: 900_000 }, async ({ release, stack }) => {
  await using lab = await startLab({ release, disks: stack.disks }, signal);
  await makeStack(stack, lab, signal);
  const layout = parseLayout(await captureLayout(lab.host, now, signal));
  expect(layout.gaps.filter(({ problem }) => !problem.includes('EFI system partition'))).toEqual([]);
  expect(JSON.stringify(layout)).not.toContain('canary-of-the-integrity-key');
  const found = layout.components.filter((one) => one.kind === 'integrity');
  expect(found).toHaveLength(stack.disks.length);
  for (const one of found) expect(said(one)).toEqual(await witnessOf(pathOf(one, layout), one.name, lab.host));
});

function pathOf({ on }: ComponentOf<'integrity'>, { components }: Layout): string {
  const disk = components.find((one) => one.kind === 'disk' && one.id === on[0]);
  return disk?.kind === 'disk' ? (disk.device ?? '') : '';
}

interface Said {
  version: number;
  tagBytes: number;
  sectorSize: number;
  interleaveSectors: number;
  journalSections: number;
  sectors: number;
  open?: { device: string; algorithm: string; commitTime: string | undefined; isBitmap: boolean };
}

function said({ device, sizeBytes, geometry, opened }: ComponentOf<'integrity'>): Said {
  return {
    version: geometry?.version ?? 0,
    tagBytes: geometry?.tagBytes ?? 0,
    sectorSize: geometry?.sectorSize ?? 0,
    interleaveSectors: geometry?.interleaveSectors ?? 0,
    journalSections: geometry?.journalSections ?? 0,
    sectors: sizeBytes / 512,
    ...(device === undefined
      ? {}
      : {
          open: {
            device,
            algorithm: opened?.algorithm ?? '',
            commitTime: opened?.options['commit_time'],
            isBitmap: opened?.mode === 'bitmap',
          },
        }),
  };
}

async function witnessOf(path: string, name: string | undefined, host: Host): Promise<Said> {
  const run = async (...argv: [string, ...string[]]) =>
    (await host.run(argv, { okCodes: [0, 4] }, signal)).stdout.toString();
  await run('blockdev', '--flushbufs', path);
  const dump = await run('integritysetup', 'dump', path);
  const number = (key: string) => Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(dump)?.[1]);
  const status = name === undefined ? '' : await run('integritysetup', 'status', name);
  const value = (key: string) => new RegExp(`^ *${key}: +(.*)$`, 'm').exec(status)?.[1];
  return {
    version: number('superblock_version'),
    tagBytes: number('integrity_tag_size'),
    sectorSize: number('sector_size'),
    interleaveSectors: 2 ** number('log2_interleave_sectors'),
    journalSections: number('journal_sections'),
    sectors: number('provided_data_sectors'),
    ...(status.includes('is active')
      ? {
          open: {
            device: `/dev/mapper/${name}`,
            algorithm: value('integrity') ?? '',
            commitTime: value('journal commit time')?.replace(' ms', ''),
            isBitmap: /bitmap/.test(status),
          },
        }
      : {}),
  };
}
