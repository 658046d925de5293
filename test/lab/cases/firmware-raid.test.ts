/** Containers of firmware RAID and the arrays in them: what was captured is what mdadm and the kernel say. */
import { expect, test } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { captureLayout } from '../../../src/layout/capture.ts';
import { mdContainer } from '../../../src/layout/handlers/md-container.ts';
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
  expect(await saidOf(layout, lab.host)).toEqual(witness);
  expect(witness.arrays).toHaveLength(3);
  const sizes = witness.containers.map((line) => line.split(' ').length);
  expect(sizes.toSorted((a, b) => a - b)).toEqual([5, 6]);
  const containers = layout.components.filter((one) => one.kind === 'md-container');
  const carries = (id: string) => layout.components.some(({ on }) => on.includes(id));
  for (const one of containers) {
    expect(mdContainer.coverage(one, { mounted: false, carrying: carries(one.id) })).toBeUndefined();
  }
  const mirror = layout.components.find((one) => one.kind === 'md' && one.geometry?.name === 'mirror');
  expect(layout.components.filter(({ kind }) => kind === 'table').map(({ on }) => on)).toEqual([[mirror?.id]]);
});

interface Said {
  /** `/dev/md127 imsm UUID /dev/sda /dev/sdb` */
  containers: string[];
  /** `UUID in UUID of its container, member, name, device, level, chunk, KiB, disks in order` */
  arrays: string[];
}

/** As mdadm groups the digits. */
const grouped = (uuid = ''): string => uuid.replaceAll('-', '').replace(/(.{8})(?=.)/g, '$1:');

async function saidOf({ components }: Layout, host: Host): Promise<Said> {
  const paths = new Map(
    components.flatMap((one) => ('device' in one && one.device !== undefined ? [[one.id, one.device]] : [])),
  );
  const path = (id: string) => paths.get(id) ?? id;
  const containers = await Promise.all(
    components.flatMap((one) =>
      one.kind === 'md-container'
        ? [
            host
              .run(['realpath', one.device ?? 'no device'], {}, signal)
              .then(({ stdout }) =>
                [stdout.toString().trim(), one.metadata, grouped(one.uuid), ...one.on.map(path).sort()].join(' '),
              ),
          ]
        : [],
    ),
  );
  return {
    containers: containers.sort(),
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
  const containers: string[] = [];
  for (const [, name = '', disks = '', metadata] of (await run('cat', '/proc/mdstat')).matchAll(
    /^(md\d+) : inactive (.*)\n.* super external:(\w+)$/gm,
  )) {
    const uuid = /^MD_UUID=(.*)$/m.exec(await run('mdadm', '--detail', '--export', `/dev/${name}`))?.[1];
    const paths = disks.split(' ').map((disk) => `/dev/${disk.replace(/\[.*/, '')}`);
    containers.push([`/dev/${name}`, metadata, uuid, ...paths.sort()].join(' '));
  }
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
