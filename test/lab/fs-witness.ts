/** What the plain tools say of filesystems, as lines of text; read without anything of `src/layout`. */
import type { Host } from '../../src/host/host.ts';

type Run = (...argv: [string, ...string[]]) => Promise<string>;

const kernels = new Set('rootfs tmpfs proc sysfs devtmpfs devpts cgroup2 autofs'.split(' '));

/** Everything that `saidOfFilesystems` tells of a capture. */
export async function filesystemWitness(host: Host, signal: AbortSignal): Promise<string[]> {
  const run: Run = async (...argv) => (await host.run(argv, { okCodes: [0, 1, 2, 8, 32] }, signal)).stdout.toString();
  const devices = rows(
    await run('lsblk', '--raw', '--noheadings', '--paths', '--bytes', '--output', 'KNAME,TYPE,SIZE'),
  );
  const found = await Promise.all([
    ...devices.map(async ([path = '']) => await content(path, run)),
    mounts(run),
    ...devices.filter(([, type]) => type !== 'part').map(async ([path = '']) => await table(path, run)),
    swaps(run),
    loops(run),
    zrams(devices, run),
    btrfs(run),
  ]);
  return [...new Set([...devices.map(([path, , size]) => `device ${path} ${size}`), ...found.flat()])].sort();
}

function rows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.trim().split(/\s+/));
}

/** What blkid says, and the geometry by the tool of the kind. */
async function content(path: string, run: Run): Promise<string[]> {
  const said = await run('blkid', '-p', '-o', 'export', path);
  const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(said)?.[1]?.replaceAll('\\', '');
  const type = value('TYPE');
  // Of volume groups and arrays there are witnesses of their own.
  if (type === undefined || ['LVM2_member', 'linux_raid_member'].includes(type)) return [];
  const line = `content ${path} ${type} ${value('UUID') ?? '-'} ${value('LABEL') ?? '-'}`;
  const readers: Readonly<Record<string, (path: string, run: Run) => Promise<string>>> = {
    ext2: ext,
    ext4: ext,
    xfs,
    jfs,
    ntfs,
    exfat,
  };
  const geometry = await readers[type]?.(path, run);
  return geometry === undefined ? [line] : [line, `geometry ${path} ${geometry}`];
}

/** The number after a word, in what a tool prints. */
function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1]);
}

async function ext(path: string, run: Run): Promise<string> {
  const said = await run('dumpe2fs', '-h', path);
  const value = (name: string) => numberIn(said, new RegExp(`^${name}:\\s+(\\d+)`, 'm'));
  return `${value('Block count')}x${value('Block size')} ${value('Inode count')}x${value('Inode size')} ${value('Reserved block count')}`;
}

async function xfs(path: string, run: Run): Promise<string> {
  const said = await run('xfs_info', path);
  const value = (name: string) => numberIn(said, new RegExp(`\\b${name}=(\\d+)`));
  const data = numberIn(said, /^data .*blocks=(\d+)/m);
  const log = numberIn(said, /^log .*blocks=(\d+)/m);
  return `${data}x${value('bsize')} ${value('agcount')}x${value('agsize')} ${value('isize')} ${value('sectsz')} ${log} ${value('reflink')}`;
}

async function jfs(path: string, run: Run): Promise<string> {
  const said = await run('jfs_tune', '-l', path);
  const value = (name: string) => numberIn(said, new RegExp(`^${name}:\\s+(\\d+)`, 'm'));
  const sectors = value('Aggregate size');
  const os2 = said.includes('JFS_OS2');
  return `${sectors * value('Physical block size')} ${value('Aggregate block size')} ${value('Allocation group size')} ${os2}`;
}

async function ntfs(path: string, run: Run): Promise<string> {
  const said = await run('ntfsinfo', '-m', path);
  const value = (name: string) => numberIn(said, new RegExp(`^\\s+${name}: (\\d+)`, 'm'));
  return `${value('Sector Size')} ${value('Cluster Size')} ${value('MFT Record Size')} ${value('Index Block Size')} ${value('Volume Size in Clusters')}`;
}

/** `dump.exfat` does not open what is mounted, and then ends with any status: of that the bytes are read. */
async function exfat(path: string, run: Run): Promise<string> {
  const said = await run('sh', '-c', 'dump.exfat "$1" || :', 'sh', path);
  const values = [...said.matchAll(/^(FAT|Cluster|Sector) [^:]*:\s+(\d+)$/gm)].map(([, , value]) => value ?? '');
  if (values.length >= 6) return values.slice(0, 6).join(' ');
  const [sectors = [], shifts = []] = await Promise.all([
    run('od', '-A', 'n', '-t', 'u4', '-j', '80', '-N', '16', path).then((text) => rows(text)[0]),
    run('od', '-A', 'n', '-t', 'u1', '-j', '108', '-N', '2', path).then((text) => rows(text)[0]),
  ]);
  return [...sectors, ...shifts].join(' ');
}

async function mounts(run: Run): Promise<string[]> {
  const said: unknown = JSON.parse(
    await run('findmnt', '--json', '--list', '--nofsroot', '--output', 'TARGET,SOURCE,FSTYPE,FSROOT'),
  );
  return objects(said, 'filesystems').flatMap(({ target, source, fstype, fsroot }) =>
    kernels.has(fstype ?? '') ? [] : [`mount ${target} ${fstype} ${fsroot} from ${source}`],
  );
}

/** A list of objects of strings in the answer of a tool. */
function objects(said: unknown, key: string): Record<string, string>[] {
  const list: unknown = typeof said === 'object' && said !== null ? Reflect.get(said, key) : undefined;
  if (!Array.isArray(list)) throw new Error(`no list ${key}`);
  return list.map((one: unknown) =>
    Object.fromEntries(
      typeof one === 'object' && one !== null ? Object.entries(one).map(([name, value]) => [name, String(value)]) : [],
    ),
  );
}

async function table(path: string, run: Run): Promise<string[]> {
  const said = await run('sfdisk', '--dump', path);
  const label = /^label: (\w+)$/m.exec(said)?.[1];
  if (label === undefined || label === 'dos') return [];
  const sector = numberIn(said, /^sector-size: (\d+)$/m) || 512;
  const lines = [...said.matchAll(/^(\S+) : start= *(\d+), size= *(\d+), type=([^,\s]+), uuid=([^,\s]+)/gm)];
  return [
    `table ${path} ${label} ${/^label-id: (.*)$/m.exec(said)?.[1]?.toLowerCase()}`,
    ...lines.map(([, name, start, size, type, uuid]) =>
      ['partition', name, Number(start) * sector, Number(size) * sector, type?.toLowerCase(), uuid?.toLowerCase()].join(
        ' ',
      ),
    ),
  ];
}

async function swaps(run: Run): Promise<string[]> {
  const listed = rows(await run('swapon', '--bytes', '--noheadings', '--raw', '--show=NAME,TYPE,SIZE,PRIO'));
  return await Promise.all(
    listed.map(async ([name = '', type, size, priority]) => {
      // Of a file the kernel uses whole pages of each extent: how large it is, it does not say.
      const whole = type === 'file' ? Number(await run('stat', '--format=%s', name)) - 4096 : size;
      return `swap ${name} ${type} ${whole} ${priority}`;
    }),
  );
}

async function loops(run: Run): Promise<string[]> {
  const said = await run('losetup', '--list', '--json', '--output', 'NAME,BACK-FILE,OFFSET,SIZELIMIT,RO,LOG-SEC');
  if (said.trim() === '') return [];
  return objects(JSON.parse(said), 'loopdevices').map(
    (one) =>
      `loop ${one['name']} ${one['back-file']} ${one['offset']} ${one['sizelimit']} ${/1|true/.test(one['ro'] ?? '')} ${one['log-sec']}`,
  );
}

async function zrams(devices: readonly string[][], run: Run): Promise<string[]> {
  if (!devices.some(([path]) => path?.startsWith('/dev/zram'))) return [];
  const listed = rows(
    await run('zramctl', '--bytes', '--noheadings', '--raw', '--output', 'NAME,DISKSIZE,ALGORITHM,MEM-LIMIT'),
  );
  return listed.map((fields) => `zram ${fields.join(' ')}`);
}

async function btrfs(run: Run): Promise<string[]> {
  const shown = await run('btrfs', 'filesystem', 'show', '--raw');
  const pools = await Promise.all(
    shown
      .split(/^Label: /m)
      .slice(1)
      .map(async (text) => {
        const uuid = /uuid: (\S+)/.exec(text)?.[1] ?? '';
        const devices = [...text.matchAll(/devid +(\d+) size (\d+) used \d+ path (\/\S+)$/gm)];
        return [
          `btrfs ${uuid} of ${/Total devices (\d+)/.exec(text)?.[1]}`,
          ...devices.map(([, devid, size, path]) => `btrfs ${uuid} ${devid} ${size} ${path}`),
          ...(await pool(uuid, devices[0]?.[3] ?? '', run)),
        ];
      }),
  );
  return pools.flat();
}

/** Profiles and, of one that is mounted, its subvolumes as they are found by walking it from its top. */
async function pool(uuid: string, device: string, run: Run): Promise<string[]> {
  const places = rows(await run('findmnt', '--raw', '--noheadings', '--output', 'UUID,TARGET', '--types', 'btrfs'));
  const top = `/run/top-${uuid}`;
  await run('mkdir', top);
  await run('mount', '--options', 'ro,subvolid=5', device, top);
  const usage = await run('btrfs', 'filesystem', 'df', '--raw', top);
  const profiles = [...usage.matchAll(/^(\w+(?:\+\w+)?), (\w+): /gm)]
    .filter(([, kind]) => kind !== 'GlobalReserve')
    .map(([, kind, profile]) => `btrfs ${uuid} ${kind?.toLowerCase()} ${profile?.toLowerCase()}`);
  const initial = /^ID (\d+)/.exec(await run('btrfs', 'subvolume', 'get-default', top))?.[1];
  const isMounted = places.some(([own]) => own === uuid);
  const found = !isMounted
    ? []
    : (await run('find', top, '-mindepth', '1', '-inum', '256', '-type', 'd', '-print')).split('\n');
  const subvolumes = found
    .filter((path) => path !== '')
    .map(async (path) => {
      const said = await run('btrfs', 'subvolume', 'show', path);
      const value = (name: string) => new RegExp(`^\\s+${name}:\\s+(\\S+)$`, 'm').exec(said)?.[1];
      const letters = (await run('lsattr', '-d', path)).split(' ')[0] ?? '';
      const flags = [
        value('Flags') === 'readonly' ? 'ro' : undefined,
        value('Subvolume ID') === initial ? 'default' : undefined,
        letters.includes('C') ? 'nocow' : undefined,
      ];
      return [
        `subvolume ${uuid} ${path.slice(top.length + 1)}`,
        value('UUID'),
        value('Parent UUID'),
        ...flags.filter((flag) => flag !== undefined),
      ].join(' ');
    });
  const lines = await Promise.all(subvolumes);
  await run('umount', top);
  return [...profiles, ...lines];
}
