/** What mdadm and the kernel say of arrays, read without anything of `src/layout`, and the same out of a capture. */
import type { Host } from '../../src/host/host.ts';
import type { ComponentOf, Layout } from '../../src/layout/types.ts';

/** What the witness can tell, of one array. */
interface Said {
  level: string | undefined;
  metadata: string | undefined;
  raidDevices: number | undefined;
  name: string | undefined;
  /** `/dev/sda1 active 0 2048`: path, role, place, data offset in sectors. */
  members: string[];
  running?: {
    device: string;
    sizeKiB: number | undefined;
    chunk: string;
    layout: string | undefined;
    consistency: string;
    bitmapChunk: number;
    backlog: number;
    missing: number;
  };
}

/** The same, from what was captured. */
export function saidOfMd(
  { device, state, sizeBytes = 0, missing = 0, geometry }: ComponentOf<'md'>,
  layout: Layout,
): Said {
  const paths = new Map(
    layout.components.flatMap((one) => ('device' in one && one.device !== undefined ? [[one.id, one.device]] : [])),
  );
  const members = geometry?.members.map(({ on, role, slot, dataOffsetBytes = 0 }) =>
    [paths.get(on), role, slot, dataOffsetBytes / 512].filter((part) => part !== undefined).join(' '),
  );
  return {
    level: geometry?.level,
    metadata: geometry?.metadata,
    raidDevices: geometry?.raidDevices,
    name: geometry?.name,
    members: members?.sort() ?? [],
    ...(device === undefined || state === 'inactive'
      ? {}
      : {
          running: {
            device,
            sizeKiB: sizeBytes / 1024,
            chunk: geometry?.chunkBytes === undefined ? '' : `${geometry.chunkBytes / 1024}K`,
            layout: geometry?.layout,
            consistency: geometry?.consistency ?? 'none',
            bitmapChunk: geometry?.bitmap?.chunkBytes ?? 0,
            backlog: geometry?.bitmap?.writeBehind ?? 0,
            missing,
          },
        }),
  };
}

/** What mdadm and the kernel say, by UUID as blkid writes it. */
export async function mdWitness(host: Host, signal: AbortSignal): Promise<Map<string, Said>> {
  const run = async (...argv: [string, ...string[]]) =>
    (await host.run(argv, { okCodes: [0, 1, 2] }, signal)).stdout.toString();
  const found = new Map<string, Said>();
  const scan = await run('mdadm', '--examine', '--scan', '--verbose');
  for (const entry of scan.split(/^ARRAY /m).slice(1)) {
    const word = (key: string) => new RegExp(`[ ]${key}=(\\S+)`).exec(entry)?.[1];
    const listed = (await run('realpath', ...(word('devices') ?? '').split(','))).trim().split('\n');
    const members = await Promise.all(
      wholes(listed).map(async (path) => {
        const examined = await run('mdadm', '--examine', path);
        const row = /^this +\d+ +\d+ +\d+ +(\d+) +(\w+)/m.exec(examined);
        const role = /Device Role : (?:(Active) device (\d+)|(\w+))/.exec(examined);
        const kind = (role?.[1] ?? role?.[3] ?? row?.[2])?.toLowerCase();
        const place = role?.[2] ?? (kind === 'spare' ? undefined : row?.[1]);
        const offset = /Data Offset : (\d+) sectors/.exec(examined)?.[1] ?? '0';
        return [path, kind, place, offset].filter((part) => part !== undefined).join(' ');
      }),
    );
    found.set(uuidOf(word('UUID') ?? ''), {
      level: word('level'),
      metadata: (word('metadata') ?? '0.90').replace(/^(\d+)$/, '$1.0'),
      raidDevices: Number(word('num-devices')),
      // Since mdadm 4.4 a scan does not tell it.
      name: /^MD_NAME=(.*)$/m.exec(await run('mdadm', '--examine', '--export', listed[0] ?? ''))?.[1],
      members: members.sort(),
    });
  }
  for (const [, name = ''] of (await run('cat', '/proc/mdstat')).matchAll(/^(md\S*) : active/gm)) {
    const detail = await run('mdadm', '--detail', `/dev/${name}`);
    const value = (key: string) => new RegExp(`^ *${key} : (.*?) *$`, 'm').exec(detail)?.[1];
    const array = found.get(uuidOf(value('UUID') ?? ''));
    if (array === undefined) throw new Error(`no member of ${name} was found`);
    array.running = {
      device: `/dev/${name}`,
      sizeKiB: Number.parseInt(value('Array Size') ?? ''),
      chunk: value('Chunk Size') ?? '',
      layout: value('Layout'),
      consistency: value('Consistency Policy') ?? '',
      bitmapChunk: Number(await run('cat', `/sys/block/${name}/md/bitmap/chunksize`)),
      backlog: Number(await run('cat', `/sys/block/${name}/md/bitmap/backlog`)),
      missing: [...detail.matchAll(/^ +- +0 +0 +\d+ +removed$/gm)].length,
    };
  }
  return found;
}

/** Metadata 0.90 of a partition that reaches to the end of its disk looks as if it were the disk's, too. */
function wholes(paths: readonly string[]): string[] {
  return paths.filter((path) => !paths.some((other) => new RegExp(`^${path}p?\\d+$`).test(other)));
}

function uuidOf(groups: string): string {
  const digits = groups.replaceAll(':', '');
  return [0, 8, 12, 16, 20].map((from, index) => digits.slice(from, [8, 12, 16, 20, 32][index])).join('-');
}
