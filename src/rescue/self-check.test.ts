import { expect, test } from 'vitest';
import { madeMedium as medium } from '../../test/helpers/made-medium.ts';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { checkAll, parseSums, probesOf } from './self-check.ts';

const { signal } = new AbortController();

const sum = (digit: string): string => digit.repeat(64);

const loops = (...names: string[]): string =>
  JSON.stringify({
    loopdevices: names.map((name, index) => ({ name: `/dev/loop${index}`, 'back-file': `/medium/${name}` })),
  });

const disks = (...all: { name: string; type: string; ro: boolean }[]): string => JSON.stringify({ blockdevices: all });

interface Told {
  readonly files: Readonly<Record<string, string>>;
  /** What a program prints, by its name and last argument; all others print their names. */
  readonly printed: Readonly<Record<string, string>>;
  readonly missing: readonly string[];
}

const well: Told = {
  files: {
    '/proc/cmdline': 'BOOT_IMAGE=/lifeboat/vmlinuz lifeboat.medium=0123456789abcdef quiet\n',
    '/proc/sys/kernel/osrelease': '6.1.0-50-amd64\n',
    '/run/lifeboat/SHA256SUMS': `${sum('a')}  base.squashfs\n${sum('b')}  host.squashfs\n${sum('c')}  initrd\n`,
  },
  printed: {
    losetup: loops('base.squashfs', 'host.squashfs'),
    'sha256sum /dev/loop0': `${sum('a')}  /dev/loop0\n`,
    'sha256sum /dev/loop1': `${sum('b')}  /dev/loop1\n`,
    lsblk: disks({ name: 'sda', type: 'disk', ro: true }, { name: 'sr0', type: 'rom', ro: false }),
  },
  missing: [],
};

function hostThat({ files, printed, missing }: Told): Host {
  const unused = (): never => {
    throw new Error('not asked for');
  };
  return {
    name: 'told',
    run: async (argv) => {
      const [program] = argv;
      if (missing.includes(program)) throw new LifeboatError('tool-missing', `no such program: ${program}`);
      const stdout = printed[`${program} ${argv.at(-1)}`] ?? printed[program] ?? program;
      return await Promise.resolve({ code: 0, stdout: Buffer.from(stdout), stderr: '' });
    },
    stream: unused,
    read: async (path) => {
      const content = files[path];
      if (content === undefined) throw new LifeboatError('not-found', `no such file: ${path}`);
      return await Promise.resolve(Buffer.from(content));
    },
    write: unused,
    [Symbol.asyncDispose]: async () => {},
  };
}

async function found(told: Partial<Told>): Promise<Record<string, string | true>> {
  const host = hostThat({
    files: { ...well.files, ...told.files },
    printed: { ...well.printed, ...told.printed },
    missing: told.missing ?? [],
  });
  const probes = probesOf(host, medium).filter(([name]) => name !== 'modules' && name !== 'ssh');
  const checks = await checkAll(probes, signal);
  return Object.fromEntries(checks.map(({ name, passed, detail }) => [name, passed || detail]));
}

const all = { medium: true, content: true, programs: true, disks: true } as const;

test('a rescue system in order', async () => expect(await found({})).toEqual(all));

test.each<[string, Partial<Told>, Record<string, string>]>([
  [
    'another medium',
    { files: { '/proc/cmdline': 'lifeboat.medium=ffff' } },
    { medium: 'the medium 0123456789abcdef was started as ffff' },
  ],
  [
    'another kernel',
    { files: { '/proc/sys/kernel/osrelease': '6.1.0-49-amd64' } },
    { medium: 'the kernel is 6.1.0-49-amd64, and the medium is of 6.1.0-50-amd64' },
  ],
  [
    'a layer that reads otherwise',
    { printed: { 'sha256sum /dev/loop1': `${sum('f')}  /dev/loop1\n` } },
    { content: 'host.squashfs is not what it was when it was made' },
  ],
  [
    'a layer that is not there',
    { printed: { losetup: loops('host.squashfs') } },
    { content: 'the system does not run from base.squashfs' },
  ],
  ['programs that cannot start', { missing: ['mdadm', 'age'] }, { programs: 'no answer from mdadm, age' }],
  ['a program that says nothing', { printed: { lvm: '' } }, { programs: 'no answer from lvm' }],
  [
    'disks that can be written to',
    { printed: { lsblk: disks({ name: 'sda', type: 'disk', ro: false }, { name: 'sdb', type: 'disk', ro: true }) } },
    { disks: 'can be written to: sda' },
  ],
])('%s', async (_, told, wrong) => expect(await found(told)).toEqual({ ...all, ...wrong }));

test('sums as sha256sum writes them', () => {
  expect(parseSums(`${sum('a')}  one\n${sum('b')} *two words\nnonsense\n`)).toEqual(
    new Map([
      ['one', sum('a')],
      ['two words', sum('b')],
    ]),
  );
});
