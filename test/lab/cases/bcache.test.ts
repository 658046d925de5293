/** Stacks of bcache: what was captured is what bcache's own tool and the kernel say. The witness reads their output by itself. */
import { expect, test } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { captureLayout } from '../../../src/layout/capture.ts';
import { type ComponentOf, type Layout, parseLayout } from '../../../src/layout/types.ts';
import { startLab } from '../lab.ts';
import { makeStack, scenes } from '../stack.ts';

const { signal } = new AbortController();
const now = new Date('2026-11-21T12:00:00Z');

test.each(scenes('bcache'))('$stack.name $release', { timeout: 900_000 }, async ({ release, stack }) => {
  await using lab = await startLab({ release, disks: stack.disks }, signal);
  await makeStack(stack, lab, signal);
  const layout = parseLayout(await captureLayout(lab.host, now, signal));
  expect(layout.gaps.filter(({ problem }) => !problem.includes('EFI system partition'))).toEqual([]);
  expect(layout.components.filter(({ kind }) => kind === 'unknown')).toEqual([]);
  const witness = await witnessOf(lab.host);
  expect(saidOf(layout)).toEqual(witness);
  expect(witness.filter(({ role }) => role === 'backing').length).toBeGreaterThan(1);
});

interface Said {
  role: 'backing' | 'cache';
  on: string;
  uuid: string;
  set: string;
  label: string;
  blockSectors: number;
  /** Of a cache the size of a bucket, of what is cached where its data begins. */
  sectors: number;
  /** `1 [writeback]` → `writeback`; of a cache what goes first. */
  mode: string;
  /** Of a device that runs, what it is called and its state. */
  running?: string;
}

const noSet = '00000000-0000-0000-0000-000000000000';

function saidOf(layout: Layout): Said[] {
  const paths = new Map(
    layout.components.flatMap((one) => ('device' in one && one.device !== undefined ? [[one.id, one.device]] : [])),
  );
  const pathOf = ({ on }: { on: string[] }) => paths.get(on[0] ?? '') ?? '';
  const backing = (one: ComponentOf<'bcache'>): Said => ({
    role: 'backing',
    on: pathOf(one),
    uuid: one.uuid ?? '',
    set: one.set ?? noSet,
    label: one.label ?? '(empty)',
    blockSectors: (one.geometry?.blockBytes ?? 0) / 512,
    sectors: (one.geometry?.dataOffsetBytes ?? 0) / 512,
    mode: one.geometry?.cacheMode ?? '',
    ...(one.device === undefined ? {} : { running: `${one.device} ${one.sizeBytes} ${one.state}` }),
  });
  const cache = (one: ComponentOf<'bcache-set'>): Said => ({
    role: 'cache',
    on: pathOf(one),
    uuid: '',
    set: one.uuid ?? noSet,
    label: '(empty)',
    blockSectors: one.geometry.blockBytes / 512,
    sectors: (one.geometry.bucketBytes ?? 0) / 512,
    mode: `${one.geometry.replacement} ${one.geometry.discard ? 'yes' : 'no'}`,
  });
  return layout.components
    .flatMap((one) => (one.kind === 'bcache' ? [backing(one)] : one.kind === 'bcache-set' ? [cache(one)] : []))
    .sort((a, b) => (a.on < b.on ? -1 : 1));
}

async function witnessOf(host: Host): Promise<Said[]> {
  const run = async (...argv: [string, ...string[]]) =>
    (await host.run(argv, { okCodes: [0, 1, 2] }, signal)).stdout.toString();
  const devices = (await run('blkid', '-t', 'TYPE=bcache', '-o', 'device')).split('\n').filter((path) => path !== '');
  const links = await run('sh', '-c', 'for one in /sys/block/bcache*/bcache; do echo "$one $(realpath "$one")"; done');
  const said = await Promise.all(
    devices.map(async (on): Promise<Said> => {
      const shown = await run('bcache-super-show', on);
      const value = (key: string) => new RegExp(`^${key}\\t+(.*)$`, 'm').exec(shown)?.[1] ?? '';
      const word = (key: string) => /\[(.+)\]/.exec(value(key))?.[1] ?? '';
      const isCache = value('sb.version').includes('cache device');
      const name = on.replace('/dev/', '');
      const [, made] = new RegExp(`/sys/block/(bcache\\d+)/bcache .*/${name}/bcache$`, 'm').exec(links) ?? [];
      const sys = async (file: string) => (await run('cat', `/sys/block/${made}/${file}`)).trim();
      return {
        role: isCache ? 'cache' : 'backing',
        on,
        uuid: isCache ? '' : value('dev.uuid'),
        set: value('dev.data.cache_state').startsWith('0 ') ? noSet : value('cset.uuid'),
        label: value('dev.label'),
        blockSectors: Number(value('dev.sectors_per_block')),
        sectors: Number(isCache ? value('dev.sectors_per_bucket') : value('dev.data.first_sector')),
        mode: isCache ? `${word('dev.cache.replacement')} ${value('dev.cache.discard')}` : word('dev.data.cache_mode'),
        ...(isCache || made === undefined
          ? {}
          : { running: `/dev/${made} ${Number(await sys('size')) * 512} ${await sys('bcache/state')}` }),
      };
    }),
  );
  return said.sort((a, b) => (a.on < b.on ? -1 : 1));
}
