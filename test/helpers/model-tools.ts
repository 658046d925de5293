/** The tools that plans use, as far as devices, sizes and places go, on a {@link Machine}. */
import { expect } from 'vitest';
import { giveIds, lvmTools } from './model-lvm.ts';
import { type Device, type Machine, Refusal } from './model-machine.ts';
import { sfdisk } from './model-sfdisk.ts';
import { bytesOf, type Call, parsed, partitionPath, type Tool } from './model-words.ts';

const tools: Readonly<Record<string, Tool>> = {
  ...lvmTools,
  sfdisk,
  udevadm: () => {},
  // What is done in a filesystem needs no room besides.
  btrfs: () => {},
  mkdir: () => {},
  mount: () => {},
  umount: () => {},
  env({ machine, args, stdin }) {
    const [program = '', ...rest] = args.slice(args.findIndex((word) => !word.includes('=')));
    runTool(program, { machine, args: rest, stdin });
  },
  /** Scripts by what they are for. */
  sh({ machine, args, stdin }) {
    const [, script = '', , ...words] = args;
    if (script.includes('mkfs.xfs'))
      runTool('mkfs.xfs', { machine, args: words.slice(words.indexOf('--') + 1), stdin });
    else if (script.includes('/holders/md')) {
      const [, device = '', program = '', ...rest] = words;
      runTool(program, { machine, args: [...rest, device], stdin });
    } else if (script.includes('vgcfgrestore')) giveIds({ machine, args: words, stdin });
    else if (script.includes('blockdev --getsize64')) {
      const [path = '', offset] = words;
      machine.blank(path, Number(offset));
    }
  },
  dd({ machine, args, stdin }) {
    const words = new Map(
      args.map((word): [string, string] => [word.split('=')[0] ?? '', word.slice(word.indexOf('=') + 1)]),
    );
    const at = words.get('of') ?? '';
    const seek = Number(words.get('seek') ?? 0) * (words.get('oflag') === 'seek_bytes' ? 1 : bytesOf(words.get('bs')));
    // It asks nobody whether the device is in use.
    const device = machine.get(at);
    machine.write(at, seek, seek + stdin.length);
    const [, offset] = /^luks (\d+)\n/.exec(stdin.toString('latin1', 0, 64)) ?? [];
    if (offset === undefined) return;
    expectEmptyOr('luks', device);
    device.content = { type: 'luks', offset: Number(offset) };
  },
  wipefs({ machine, args }) {
    const { options, rest } = parsed(args, []);
    for (const path of rest) {
      if (options.has('--no-act')) continue;
      const { content } = machine.get(path);
      if (content?.type === 'table') {
        if (!options.has('--force')) throw new Refusal(1, `${path} has a partition table`);
        for (const number of content.numbers) machine.remove(partitionPath(path, number));
      }
      const device = machine.free(path);
      machine.write(path);
      machine.forget(path);
      delete device.content;
    }
  },
  mdadm({ machine, args }) {
    const { options, rest } = parsed(args, ['--write-journal']);
    if (options.has('--stop')) {
      for (const path of rest) machine.remove(path);
    } else if (options.has('--zero-superblock')) {
      for (const path of rest) {
        const device = machine.free(path);
        machine.write(path);
        if (device.content?.type === 'md') delete device.content;
      }
    } else createArray(machine, options, rest.slice(1));
  },
  cryptsetup({ machine, args }) {
    const { options, rest } = parsed(args, ['--type', '--key-file']);
    const [verb, device = '', name = ''] = rest;
    if (verb === 'close') {
      if (!machine.devices.has(`/dev/mapper/${device}`)) throw new Refusal(4, `no device ${device}`);
      machine.remove(`/dev/mapper/${device}`);
      return;
    }
    expect(verb).toBe('open');
    expect(options.get('--key-file')).toBe('-');
    const { content, bytes } = machine.free(device);
    if (content?.type !== 'luks') throw new Refusal(1, `${device} is no LUKS`);
    expect(bytes).toBeGreaterThan(content.offset);
    machine.stack(`/dev/mapper/${name}`, bytes - content.offset, [device]);
  },
  mke2fs({ machine, args }) {
    const { options, rest } = parsed(args, ['-t', '-b', '-I', '-N', '-O', '-U', '-L', '-m', '-C', '-G', '-J', '-E']);
    const [path = '', blocks] = rest;
    makeFilesystem(machine, [path], 'ext', Number(blocks) * Number(options.get('-b')));
  },
  tune2fs({ machine, args }) {
    const path = args.at(-1) ?? '';
    expect(machine.free(path).content).toMatchObject({ type: 'filesystem', kind: 'ext' });
    machine.write(path);
  },
  'mkfs.xfs'({ machine, args }) {
    const { options, rest } = parsed(args, ['-b', '-s', '-m', '-i', '-n', '-d', '-L', '-l', '-r']);
    const size = Number(/size=(\d+)/.exec(options.get('-d') ?? '')?.[1]);
    makeFilesystem(machine, rest, 'xfs', Math.floor(size / 4096) * 4096);
  },
  'mkfs.btrfs'({ machine, args }) {
    const valued = ['--uuid', '--label', '--nodesize', '--sectorsize', '--csum', '--data', '--metadata', '-R', '-O'];
    const { rest } = parsed(args, [...valued, '--byte-count']);
    makeFilesystem(
      machine,
      rest,
      'btrfs',
      Math.floor(Math.min(...rest.map((path) => machine.get(path).bytes)) / 4096) * 4096,
    );
  },
  'mkfs.fat'({ machine, args }) {
    const { rest } = parsed(args, ['-F', '-S', '-s', '-f', '-R', '-h', '-r', '-i', '-n', '-g', '-D', '-M']);
    const [path = '', blocks] = rest;
    makeFilesystem(machine, [path], 'vfat', blocks === undefined ? machine.get(path).bytes : Number(blocks) * 1024);
  },
  mkswap({ machine, args }) {
    const { rest } = parsed(args, ['--uuid', '--label', '--pagesize', '-U', '-L', '-p']);
    makeFilesystem(machine, rest.slice(0, 1), 'swap', machine.get(rest[0] ?? '').bytes);
  },
};

/** @throws Refusal as the tool would refuse; an error of the test for what it would do wrong */
export function runTool(program: string, call: Call): void {
  const tool = tools[program];
  if (tool === undefined) throw new Error(`the model knows no ${program}`);
  tool(call);
}

/** What was made before it was cut off may be made once more. */
function expectEmptyOr(kind: string, { path, content }: Device): void {
  const found = content?.type === 'filesystem' ? content.kind : content?.type;
  expect([undefined, kind], `on ${path} is ${found}`).toContain(found);
}

function makeFilesystem(machine: Machine, paths: readonly string[], kind: string, bytes: number): void {
  for (const path of paths) {
    const device = machine.free(path);
    expectEmptyOr(kind, device);
    expect(bytes, `${kind} on ${path}`).toBeGreaterThan(0);
    if (bytes > device.bytes) throw new Refusal(1, `${path} has ${device.bytes} bytes, and ${kind} wants ${bytes}`);
    machine.write(path);
    device.content = { type: 'filesystem', kind, bytes };
  }
}

const kibibyte = 1024;

/** Superblock and bitmap of metadata 1.0. */
function tailOf(level: string, bytes: number): number {
  if (level === 'raid0') return 8 * kibibyte;
  return (bytes > 8 * 2 ** 30 ? 72 : 12) * kibibyte;
}

function createArray(machine: Machine, options: ReadonlyMap<string, string>, members: readonly string[]): void {
  const metadata = options.get('--metadata') ?? '1.2';
  const level = options.get('--level') ?? '';
  const chunk = Number(options.get('--chunk') ?? 0) * kibibyte;
  expect(members).toHaveLength(Number(options.get('--raid-devices')));
  const devices = members.map((path): Device => machine.free(path));
  for (const { path, content } of devices) expect(content, `${path} is empty`).toBeUndefined();
  const offset = metadata === '1.2' ? bytesOf(options.get('--data-offset')) : 0;
  const room = Math.min(
    ...devices.map(({ bytes }) => bytes - offset - (metadata === '1.2' ? 0 : tailOf(level, bytes))),
  );
  const wanted = Number(options.get('--size') ?? 0) * kibibyte;
  const unit = Math.max(chunk, 64 * kibibyte);
  const each = wanted > 0 ? wanted : Math.floor(room / unit) * unit;
  if (each <= 0 || each > room) throw new Refusal(1, `${wanted} bytes of ${room} on each member of ${level}`);
  if (chunk > 0) expect(each % chunk).toBe(0);
  const data = { raid0: 0, raid1: 1, raid5: members.length - 1, raid6: members.length - 2, raid10: members.length / 2 }[
    level
  ];
  const bytes =
    level === 'raid0'
      ? devices.reduce(
          (total, one) =>
            total + Math.floor((one.bytes - offset - (metadata === '1.2' ? 0 : 8 * kibibyte)) / chunk) * chunk,
          0,
        )
      : each * (data ?? Number.NaN);
  for (const { path } of devices) machine.write(path);
  for (const device of devices) device.content = { type: 'md', array: options.get('--uuid') ?? '' };
  machine.stack(`/dev/disk/by-id/md-uuid-${options.get('--uuid')}`, bytes, members);
}
