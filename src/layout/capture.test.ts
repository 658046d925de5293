import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Host } from '../host/host.ts';
import { localHost } from '../host/local.ts';
import { recordedHost } from '../host/recorded.ts';
import { LifeboatError } from '../kernel/errors.ts';
import type { Jsonable } from '../kernel/json.ts';
import { nameFromBytes, nameToBytes } from '../kernel/text.ts';
import { captureLayout } from './capture.ts';
import { layoutChanges } from './diff.ts';
import { deviceIds } from './identity.ts';
import { blkidArgv, parseBlkid } from './tools/blkid.ts';
import { findmntArgv, parseFindmnt, parseStat } from './tools/findmnt.ts';
import { type BlockDevice, lsblkAll, parseLsblk } from './tools/lsblk.ts';
import { parseSwaps } from './tools/swaps.ts';
import { layoutTree } from './tree.ts';
import { type Component, type Layout, parseLayout } from './types.ts';

const now = new Date('2026-11-20T12:00:00Z');
const fixtures = join(import.meta.dirname, '../../test/fixtures');

/** What was recorded from each tool on one machine, as one recording. */
function recorded(name: string): { commands: { argv: string[]; code: number; stdout: string }[]; files: object } {
  const parts = readdirSync(fixtures, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(`/${name}.json`))
    .map((path) => JSON.parse(readFileSync(join(fixtures, path), 'utf8')));
  return {
    commands: parts.flatMap(({ commands }) => commands),
    files: Object.assign({}, ...parts.map(({ files }) => files ?? {})),
  };
}

const machine = () => recorded('debian12-loop-partitions');

/** A host that is made of answers by program; one that is not named is not installed. */
function made(
  answers: Readonly<Record<string, string | (() => Promise<string>)>>,
  files: Record<string, string> = {},
): Host {
  return {
    name: 'made',
    async run([program]) {
      const answer = answers[program];
      if (answer === undefined) throw new LifeboatError('tool-missing', `no such program: ${program}`);
      const stdout = nameToBytes(typeof answer === 'string' ? answer : await answer());
      return { code: 0, stdout, stderr: '' };
    },
    stream: () => expect.unreachable(),
    read: async (path) => {
      const content = files[path];
      if (content === undefined) throw new LifeboatError('not-found', `no ${path}`);
      return Buffer.from(content);
    },
    write: () => expect.unreachable('capture writes nothing'),
    [Symbol.asyncDispose]: async () => {},
  };
}

const find = <K extends Component['kind']>(layout: Layout, kind: K) =>
  layout.components.filter((component): component is Extract<Component, { kind: K }> => component.kind === kind);

describe('a recorded machine with partitions on loop devices', () => {
  test('everything on it is in the graph', async ({ signal }) => {
    const layout = await captureLayout(recordedHost(machine()), now, signal);
    const plain: Jsonable<Layout> = layout;
    expect(parseLayout(JSON.parse(JSON.stringify(plain)))).toEqual(layout);
    expect(layout.gaps).toEqual([
      {
        subject: '/dev/vda',
        problem: 'cannot see what is on it: Operation not permitted',
        hint: 'only root can open it, and some kernels let nobody',
      },
    ]);
    expect(find(layout, 'disk')).toMatchObject([
      { id: 'disk:pci0000:00/0000:00:02.0:unnamed:274877906944', device: '/dev/vda', on: [], logicalSector: 512 },
    ]);
    const gpt = find(layout, 'partition').filter(({ table }) => table === 'gpt');
    expect(gpt).toMatchObject([
      {
        number: 1,
        id: 'partition:0b0f1a4e-0001-4000-8000-000000000001',
        startBytes: 1 << 20,
        sizeBytes: 8 << 20,
        name: 'EFI system',
      },
      { number: 2, name: 'root "quoted"', flags: '0x4', typeId: '0fc63daf-8483-4772-8e79-3d69d8477de4' },
      { number: 3, startBytes: 83968 * 512 },
    ]);
    const dos = find(layout, 'partition').filter(({ table }) => table === 'dos');
    expect(dos.map(({ number, typeId }) => [number, typeId])).toEqual([
      [1, '0x83'],
      [2, '0x82'],
      [3, '0x5'],
      [5, '0x83'],
    ]);
    const data = find(layout, 'filesystem').find(({ label }) => label === 'data "x"');
    expect(data).toMatchObject({
      type: 'ext4',
      on: [gpt[1]?.id],
      usedBytes: 14336,
      uuid: '3c1b7a52-90de-4c1f-8b7e-5d2a64b0c001',
    });
    const mounts = find(layout, 'mount').filter(({ on }) => on.includes(data?.id ?? ''));
    expect(mounts.map(({ category, path }) => [category, path])).toEqual([
      ['local', '/srv/mnt/na me\nnew"q\\x41ä\udcff\u001b[31m'],
      ['bind', '/srv/mnt/b'],
    ]);
    expect(find(layout, 'swap').map(({ label, active }) => [label, active])).toEqual([
      ['swap0', true],
      [undefined, false],
    ]);
    expect(
      find(layout, 'unknown')
        .map(({ rawType }) => rawType)
        .sort(),
    ).toEqual(['loop', 'loop', 'zram']);
  });

  test('the tree shows it and no raw escape sequence', async ({ signal }) => {
    const text = layoutTree(await captureLayout(recordedHost(machine()), now, signal));
    expect(text).toMatchSnapshot();
    // oxlint-disable-next-line no-control-regex -- that none is there
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
  });

  test('columns that an old lsblk lacks are asked of the kernel or left out', async ({ signal }) => {
    const recording = machine();
    for (const command of recording.commands) {
      if (command.argv[0] !== 'lsblk') continue;
      command.stdout = command.stdout.replace(/"(start|mountpoints|fsroots|partn)": (\[[^\]]*\]|[^,\n]*),/g, '');
    }
    const starts = { '/sys/class/block/loop0p1/start': '2048\n' };
    const absent = ['loop0p2', 'loop0p3', 'loop1p1', 'loop1p2', 'loop1p3', 'loop1p5'];
    recording.files = {
      ...recording.files,
      ...starts,
      ...Object.fromEntries(absent.map((name) => [`/sys/class/block/${name}/start`, null])),
    };
    const layout = await captureLayout(recordedHost(recording), now, signal);
    expect(find(layout, 'partition').map(({ startBytes }) => startBytes)).toEqual([
      1 << 20,
      ...absent.map(() => undefined),
    ]);
    expect(find(layout, 'partition').map(({ number }) => number)).toEqual([1, 2, 3, 1, 2, 3, 5]);
  });
});

describe('what goes wrong is a named gap', () => {
  afterEach(() => vi.useRealTimers());

  test('no tool at all', async ({ signal }) => {
    const layout = await captureLayout(made({}), now, signal);
    expect(layout.components).toEqual([]);
    expect(layout.gaps.map(({ subject }) => subject).sort()).toEqual(['findmnt', 'lsblk']);
  });

  test.each([
    '',
    'garbage',
    '{}',
    '[]',
    '{"blockdevices": [{"name": 5}]}',
    '{"filesystems": null}',
    '\u001b[31m',
    '\udcff\udc00',
  ])('output %j', async (output) => {
    const signal = new AbortController().signal;
    const layout = await captureLayout(
      made({ lsblk: output, findmnt: output, realpath: output, blkid: output }),
      now,
      signal,
    );
    expect(layout.components).toEqual([]);
    expect(new Set(layout.gaps.map(({ subject }) => subject))).toEqual(
      new Set(['lsblk', 'lsblk without sizes of filesystems', 'findmnt']),
    );
    expect(layoutTree(layout)).not.toContain('\u001b');
  });

  test('tools that never answer, on a host that does not keep its time limit', async ({ signal }) => {
    vi.useFakeTimers();
    const never = () => new Promise<string>(() => {});
    const done = captureLayout(made({ lsblk: never, findmnt: never }), now, signal);
    await vi.advanceTimersByTimeAsync(60_000);
    const layout = await done;
    expect(layout.gaps.map(({ problem }) => problem)).toContain('findmnt did not answer within 15 s');
  });

  test('a dead network mount costs its own size and no other', async ({ signal }) => {
    const rows = [
      { target: '/', source: '/dev/sda1', fstype: 'ext4', options: 'rw', fsroot: '/', 'maj:min': '8:1' },
      { target: '/mnt/dead', source: 'nas:/x', fstype: 'nfs4', options: 'rw,hard', fsroot: '/', 'maj:min': '0:50' },
    ];
    const asked: string[][] = [];
    const host: Host = {
      ...made({}),
      async run(argv) {
        asked.push([...argv]);
        if (argv[0] === 'stat') throw new LifeboatError('command-timeout', 'stat did not end within 15 s');
        if (argv.includes('-t')) {
          return {
            code: 0,
            stdout: Buffer.from(JSON.stringify({ filesystems: [{ target: '/', size: 9, used: 5 }] })),
            stderr: '',
          };
        }
        const stdout = JSON.stringify(argv[0] === 'lsblk' ? { blockdevices: [] } : { filesystems: rows });
        return { code: 0, stdout: Buffer.from(stdout), stderr: '' };
      },
    };
    const layout = await captureLayout(host, now, signal);
    expect(asked).toContainEqual(['findmnt', '-J', '-b', '-l', '-o', 'TARGET,SIZE,USED', '-t', 'ext4']);
    expect(layout.gaps).toEqual([{ subject: '/mnt/dead', problem: 'stat did not end within 15 s' }]);
    expect(find(layout, 'mount').map(({ usedBytes }) => usedBytes)).toEqual([5, undefined]);
  });

  test('an interrupted capture says so instead of reporting gaps', async () => {
    const stop = new AbortController();
    stop.abort();
    await expect(captureLayout(made({}), now, stop.signal)).rejects.toMatchObject({ code: 'interrupted' });
  });
});

test('10,000 mounts are quick to capture, show and compare', async ({ signal }) => {
  const rows = Array.from({ length: 10_000 }, (_, index) => ({
    target: `/m/${index}`,
    source: index % 2 === 0 ? 'tmpfs' : '/dev/sda1',
    fstype: index % 2 === 0 ? 'tmpfs' : 'ext4',
    options: 'rw',
    fsroot: index % 2 === 0 ? '/' : `/${index}`,
    'maj:min': index % 2 === 0 ? `0:${index}` : '8:1',
  }));
  const device = {
    name: 'sda1',
    'maj:min': '8:1',
    type: 'part',
    size: 1e9,
    fstype: 'ext4',
    uuid: 'u',
    parttype: '0x83',
  };
  const host = made({
    lsblk: JSON.stringify({ blockdevices: [device] }),
    findmnt: JSON.stringify({ filesystems: rows }),
  });
  const start = performance.now();
  const layout = await captureLayout(host, now, signal);
  expect(find(layout, 'mount')).toHaveLength(10_000);
  expect(layoutTree(layout).split('\n').length).toBeGreaterThan(10_000);
  expect(layoutChanges(layout, layout)).toEqual([]);
  expect(performance.now() - start).toBeLessThan(2_000);
});

describe('parsers', () => {
  test('numbers and booleans as strings, as before util-linux 2.33', () => {
    const node = { name: 'sda', 'maj:min': '  8:0', type: 'disk', size: '1024', ro: '0', rota: '1' };
    expect(parseLsblk(JSON.stringify({ blockdevices: [node] }))).toMatchObject([
      { number: '8:0', path: '/dev/sda', sizeBytes: 1024, readOnly: false, rotational: true },
    ]);
  });

  test('a device with two parents is one device', () => {
    const md = { name: 'md0', 'maj:min': '9:0', type: 'raid1', size: 5 };
    const half = (name: string, number: string) => ({ name, 'maj:min': number, type: 'disk', size: 9, children: [md] });
    const devices = parseLsblk(JSON.stringify({ blockdevices: [half('sda', '8:0'), half('sdb', '8:16')] }));
    expect(devices.map(({ name, parents }) => [name, parents])).toEqual([
      ['sda', []],
      ['md0', ['8:0', '8:16']],
      ['sdb', []],
    ]);
  });

  test('argv', () => {
    expect(lsblkAll).toEqual(['lsblk', '-J', '-b', '-O']);
    expect(findmntArgv).toEqual([
      'findmnt',
      '-J',
      '-b',
      '-l',
      '-v',
      '-o',
      'TARGET,SOURCE,FSTYPE,OPTIONS,FSROOT,MAJ:MIN',
    ]);
    expect(blkidArgv(['/dev/sda'])).toEqual(['blkid', '-p', '-o', 'export', '/dev/sda']);
  });

  test('blkid, stat and /proc/swaps refuse what is not theirs', () => {
    expect(parseBlkid('')).toEqual(new Map());
    expect(() => parseBlkid('what')).toThrow();
    expect(parseStat('4096 10 4\n')).toEqual({ sizeBytes: 40960, usedBytes: 24576 });
    expect(() => parseStat('4096')).toThrow();
    expect(() => parseSwaps('')).toThrow();
    expect(parseSwaps('Filename Type Size Used Priority\n/a\\040b file 8 0 -2\n')).toEqual([
      { path: '/a b', isFile: true, sizeBytes: 8192 },
    ]);
  });

  test('any text gives a result or an error, and never hangs', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const parse of [parseLsblk, parseFindmnt, parseBlkid, parseStat, parseSwaps]) {
          try {
            parse(text);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
          }
        }
      }),
    );
  });

  test('any mount path comes through as it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        const target = `/${nameFromBytes(bytes)}`;
        const row = { target, source: 's', fstype: 't', options: '', fsroot: '/', 'maj:min': '0:1' };
        expect(parseFindmnt(JSON.stringify({ filesystems: [row] }))[0]?.target).toBe(target);
      }),
    );
  });
});

test('ids are unique and do not depend on names or order', () => {
  const disk = fc.record({
    serial: fc.option(fc.constantFrom('A', 'B'), { nil: undefined }),
    wwn: fc.option(fc.constantFrom('0x1', '0x2'), { nil: undefined }),
    sizeBytes: fc.constantFrom(1, 2),
  });
  fc.assert(
    fc.property(fc.array(disk, { maxLength: 6 }), fc.infiniteStream(fc.nat()), (disks, order) => {
      const devices = disks.map(
        ({ serial, wwn, sizeBytes }, index): BlockDevice => ({
          number: `8:${index * 16}`,
          name: `sd${index}`,
          path: `/dev/sd${index}`,
          type: 'disk',
          parents: [],
          sizeBytes,
          readOnly: false,
          removable: false,
          rotational: false,
          ...(serial === undefined ? {} : { serial }),
          ...(wwn === undefined ? {} : { wwn }),
        }),
      );
      const places = new Map(devices.map(({ number }, index) => [number, `pci/${index}`]));
      const ids = deviceIds(devices, places);
      expect(new Set(ids.values()).size).toBe(devices.length);
      const shuffled = devices
        .map((device) => ({ device, key: order.next().value }))
        .sort((a, b) => a.key - b.key)
        .map(({ device }, index) => ({ ...device, name: `other${index}` }));
      expect(deviceIds(shuffled, places)).toEqual(ids);
    }),
  );
});

describe('this machine, against what the kernel says', () => {
  test('all mounts and disks, and nothing else', async ({ signal }) => {
    await using host = localHost();
    const before = readFileSync('/proc/self/mountinfo');
    const layout = await captureLayout(host, now, signal);
    const after = readFileSync('/proc/self/mountinfo');
    if (before.equals(after)) {
      const paths = nameFromBytes(after)
        .trimEnd()
        .split('\n')
        .map((line) =>
          (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, code: string) =>
            String.fromCharCode(Number.parseInt(code, 8)),
          ),
        );
      expect(
        find(layout, 'mount')
          .map(({ path }) => path)
          .sort(),
      ).toEqual(paths.sort());
    }
    const shown = new Set(
      layout.components.flatMap((one) => ('device' in one ? [one.device?.slice('/dev/'.length)] : [])),
    );
    for (const name of readdirSync('/sys/block')) {
      const sectors = Number(readFileSync(join('/sys/block', name, 'size'), 'utf8'));
      if (sectors === 0 || name.startsWith('ram') || name.startsWith('loop')) continue;
      expect(shown, name).toContain(name);
      const found = layout.components.find((one) => 'device' in one && one.device === `/dev/${name}`);
      expect(found).toMatchObject({ sizeBytes: sectors * 512 });
    }
    expect(() => parseLayout(JSON.parse(JSON.stringify(layout)))).not.toThrow();
  });
});

describe('reading a layout file', () => {
  const empty: Layout = { format: 'lifeboat.layout/1', capturedAt: now.toISOString(), components: [], gaps: [] };
  const swap = { kind: 'swap', id: 's', on: [], sizeBytes: 1, active: true };

  test('accepts fields of a later minor version', () => {
    expect(parseLayout({ ...empty, extra: 1, components: [{ ...swap, extra: 2 }] }).components).toEqual([swap]);
  });

  test.each([
    [{ ...empty, format: 'lifeboat.layout/2' }, 'newer-format', 'lifeboat.layout/2, newer'],
    [{ ...empty, format: 'lifeboat.facts/1' }, 'record-damaged', 'not a lifeboat.layout document'],
    ['text', 'record-damaged', 'its format is null'],
    [{ ...empty, components: [{ ...swap, kind: 'swop' }] }, 'record-damaged', 'components[0].kind'],
    [{ ...empty, components: [{ ...swap, sizeBytes: '1 GiB' }] }, 'record-damaged', 'components[0].sizeBytes'],
    [{ ...empty, components: [{ ...swap, on: ['nothing'] }] }, 'record-damaged', '"s" stands on "nothing"'],
    [{ ...empty, components: [swap, swap] }, 'record-damaged', 'two components have the id "s"'],
  ])('names what is wrong: %#', (document, code, message) => {
    expect(() => parseLayout(document)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});

describe('what has changed', () => {
  const capture = async (signal: AbortSignal) => await captureLayout(recordedHost(machine()), now, signal);

  test('device names and used bytes are no change', async ({ signal }) => {
    const before = await capture(signal);
    const text = JSON.stringify(before)
      .replaceAll('"device":"/dev/vda"', '"device":"/dev/vdb"')
      .replaceAll('"usedBytes":14336', '"usedBytes":99');
    expect(layoutChanges(before, parseLayout(JSON.parse(text)))).toEqual([]);
  });

  test('a new label, a lost swap and a new disk are', async ({ signal }) => {
    const before = await capture(signal);
    const components = before.components
      .filter((one) => !(one.kind === 'swap' && one.label === 'swap0'))
      .map((one) =>
        one.kind === 'filesystem' && one.label === 'data "x"' ? { ...one, label: 'new', sizeBytes: 1 << 30 } : one,
      );
    const disk = find(before, 'disk')[0];
    if (disk === undefined) throw new Error('no disk');
    const after = {
      ...before,
      components: [...components, { ...disk, id: 'disk:X', device: '/dev/vdb', serial: 'X' }],
    };
    expect(layoutChanges(before, after).map(({ text }) => text)).toEqual([
      'removed: swap  "swap0"  8.0 MiB',
      'changed: ext4  14.0 KiB of 1.0 GiB used  "new"  3c1b7a52-90de-4c1f-8b7e-5d2a64b0c001: label was "data \\"x\\"", is "new"',
      'changed: ext4  14.0 KiB of 1.0 GiB used  "new"  3c1b7a52-90de-4c1f-8b7e-5d2a64b0c001: sizeBytes was 25.2 MiB (26464256 bytes), is 1.0 GiB (1073741824 bytes)',
      'added: disk /dev/vdb  256 GiB  0x1af4  X  rotating'.replace(
        '  0x1af4',
        disk.vendor === undefined ? '' : `  ${disk.vendor}`,
      ),
    ]);
  });
});
