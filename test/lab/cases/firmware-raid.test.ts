/** Containers of firmware RAID and the arrays in them: what was captured is what mdadm and the kernel say. */
import { expect, test } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { captureLayout } from '../../../src/layout/capture.ts';
import { type Layout, parseLayout } from '../../../src/layout/types.ts';
import { startLab } from '../lab.ts';
import { makeStack, scenes } from '../stack.ts';

const { signal } = new AbortController();
const now = new Date('2026-11-21T12:00:00Z');

test.each(scenes('firmware-raid'))('$stack.name $release', { timeout: 900_000 }, async ({ release, stack }) => {
  await using lab = await startLab({ release, disks: stack.disks }, signal);
  await makeStack(stack, lab, signal);
  const layout = parseLayout(await captureLayout(lab.host, now, signal));
  expect(layout.gaps.filter(({ problem }) => !problem.includes('EFI system partition'))).toEqual([]);
  expect(layout.components.filter(({ kind }) => kind === 'unknown')).toEqual([]);
  const witness = await witnessOf(lab.host);
  expect(saidOf(layout)).toEqual(witness);
  expect(witness.arrays).toHaveLength(3);
});

interface Said {
  /** `imsm UUID /dev/sda /dev/sdb` */
  containers: string[];
  /** `UUID in UUID of its container, member, name, device, level, chunk, KiB, disks in order` */
  arrays: string[];
}

/** As mdadm groups the digits. */
const grouped = (uuid = ''): string => uuid.replaceAll('-', '').replace(/(.{8})(?=.)/g, '$1:');

function saidOf({ components }: Layout): Said {
  const paths = new Map(
    components.flatMap((one) => ('device' in one && one.device !== undefined ? [[one.id, one.device]] : [])),
  );
  const path = (id: string) => paths.get(id) ?? id;
  return {
    containers: components
      .flatMap((one) =>
        one.kind === 'md-container' ? [[one.metadata, grouped(one.uuid), ...one.on.map(path).sort()].join(' ')] : [],
      )
      .sort(),
    arrays: components
      .flatMap((one) => {
        if (one.kind !== 'md') return [];
        const { uuid, on, device, sizeBytes = 0, geometry } = one;
        const container = on[0]?.replace('md-container:', '');
        const chunk = geometry?.chunkBytes === undefined ? '' : `${geometry.chunkBytes / 1024}K`;
        const disks = geometry?.members.map((member) => path(member.on)) ?? [];
        const words = [grouped(uuid), grouped(container), geometry?.member, geometry?.name, device, geometry?.level];
        return [[...words, chunk, sizeBytes / 1024, ...disks].join(' ')];
      })
      .sort(),
  };
}

async function witnessOf(host: Host): Promise<Said> {
  const run = async (...argv: [string, ...string[]]) => (await host.run(argv, {}, signal)).stdout.toString();
  const scan = await run('mdadm', '--examine', '--scan', '--verbose');
  const containers = [...scan.matchAll(/^ARRAY metadata=(\w+) UUID=(\S+)\n +devices=(\S+)$/gm)].map(
    ([, metadata, uuid, devices = '']) =>
      [
        metadata,
        uuid,
        ...devices
          .split(',')
          .filter((path) => path.startsWith('/dev/sd'))
          .sort(),
      ].join(' '),
  );
  const arrays: string[] = [];
  for (const [, link = '', container, member, uuid] of scan.matchAll(
    /^ARRAY (\S+) container=(\S+) member=(\d+) UUID=(\S+)$/gm,
  )) {
    const detail = await run('mdadm', '--detail', link);
    const value = (key: string) => new RegExp(`^ *${key} : (.*?) *$`, 'm').exec(detail)?.[1];
    const disks = [...detail.matchAll(/^ +\d+ +\d+ +\d+ +(\d+) .* (\/dev\/\S+)$/gm)]
      .sort(([, a], [, b]) => Number(a) - Number(b))
      .map(([, , path]) => path);
    const device = (await run('realpath', link)).trim();
    const words = [uuid, container, member, link.replace('/dev/md/', ''), device, value('Raid Level')];
    arrays.push([...words, value('Chunk Size') ?? '', Number.parseInt(value('Array Size') ?? ''), ...disks].join(' '));
  }
  return { containers: containers.sort(), arrays: arrays.sort() };
}
