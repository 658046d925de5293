/** The capture of a machine with a controller: that of a recorded one whose disks are said to be behind a controller. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { recordedHost, recordingSchema } from '../../../host/recorded.ts';
import { captureLayout } from '../../capture.ts';
import { layoutChanges } from '../../diff.ts';
import { layoutSvg } from '../../svg.ts';
import { layoutTree } from '../../tree.ts';
import { parseLayout } from '../../types.ts';

const fixtures = join(import.meta.dirname, '../../../../test/fixtures');
const ssacli = readFileSync(join(fixtures, 'hwraid/ssacli/raid5-raid1.txt'), 'utf8');
const recorded: unknown = JSON.parse(readFileSync(join(fixtures, 'lab/luks1.debian12.json'), 'utf8'));
const now = new Date('2026-11-21T12:00:00Z');
const driver = '/sys/bus/pci/devices/0000:03:00.0/driver';

interface Answers {
  readonly driver?: string;
  /** Which tool is there, and what it prints; none otherwise. */
  readonly tool?: { readonly path: string; readonly stdout: string; readonly code?: number };
  readonly model?: string;
}

/** Its disk `sda` with the WWN that the first logical drive has. */
function hostWith({ driver: name = 'hpsa', tool, model = 'LOGICAL VOLUME' }: Answers) {
  const recording = recordingSchema.parse(recorded);
  for (const command of recording.commands) {
    if (command.argv[0] === 'lsblk') {
      command.stdout = command.stdout
        .replaceAll('block:scsi:virtio:pci', 'block:scsi:pci')
        .replace('"wwn": null', '"wwn": "0x600508b1001cc42cdf101f06e5563967"')
        .replace('QEMU HARDDISK', model);
    }
    if (command.argv[0] === 'realpath') {
      command.stdout = command.stdout.replace(
        /.*\/block\/sda/,
        '/sys/devices/pci0000:00/0000:00:02.0/0000:03:00.0/host0/target0:1:0/0:1:0:0/block/sda',
      );
    }
  }
  const host = recordedHost(recording);
  const asked: string[] = [];
  const run: typeof host.run = async (argv, options, signal) => {
    const said = (stdout: string, code = 0) => ({ stdout: Buffer.from(stdout), stderr: '', code });
    if (argv[0] === 'realpath' && argv.includes(driver)) return said(`/sys/bus/pci/drivers/${name}\n`);
    if (argv[0] === 'stat' && argv[1] === '-L') {
      asked.push(...argv.slice(4));
      return tool === undefined ? said('', 1) : said(`${tool.path}\n`, 1);
    }
    if (tool !== undefined && argv[0] === tool.path) return said(tool.stdout, tool.code);
    return await host.run(argv, options, signal);
  };
  return { host: { ...host, run }, asked };
}

const capture = async (answers: Answers, signal: AbortSignal) =>
  await captureLayout(hostWith(answers).host, now, signal);

test('the disk stands on its logical drive, and that on its controller', async ({ signal }) => {
  const layout = await capture({ tool: { path: '/usr/sbin/ssacli', stdout: ssacli } }, signal);
  expect(layout.gaps).toEqual([]);
  expect(parseLayout(JSON.parse(JSON.stringify(layout)))).toEqual(layout);
  const disk = layout.components.find((one) => one.kind === 'disk' && one.device === '/dev/sda');
  expect(disk?.on).toEqual(['logical-drive:600508b1001cc42cdf101f06e5563967']);
  const logical = layout.components.filter((one) => one.kind === 'logical-drive');
  expect(logical).toMatchObject([
    // Of the kernel's disk, not what the tool rounds.
    { number: '1', device: '/dev/sda', sizeBytes: 268435456, on: ['raid-controller:PDVTF0BRH5T0MO'] },
    { number: '2', sizeBytes: 50 * 1024 ** 3 },
  ]);
  expect(logical[1]).not.toHaveProperty('device');
  expect(layoutTree(layout)).toContain(
    [
      'RAID controller Smart Array P822  slot 2  PDVTF0BRH5T0MO  7 drives  unverified',
      '├─ logical drive 1  raid5  256 MiB  "02715627PDVTF0BRH5T0MO154D"  of 5I:1:3 5I:1:4 6I:1:5',
      '│  └─ disk /dev/sda  256 MiB',
    ].join('\n'),
  );
});

test('the picture has the controller, its logical drives, and the disk with what lies on it', async ({ signal }) => {
  const picture = layoutSvg(await capture({ tool: { path: '/usr/sbin/ssacli', stdout: ssacli } }, signal));
  for (const words of ['Smart Array P822', 'logical drive 1', 'logical drive 2', 'disk /dev/sda', 'luks']) {
    expect(picture).toContain(words);
  }
});

test('a real kernel with a controller of QEMU that its driver megaraid_sas takes: which tool is missing', async ({
  signal,
}) => {
  const machine: unknown = JSON.parse(readFileSync(join(fixtures, 'hwraid/megasas.debian12.json'), 'utf8'));
  const layout = await captureLayout(recordedHost(machine), now, signal);
  expect(layout.gaps.filter((gap) => gap.subject === 'RAID controllers')).toEqual([
    {
      subject: 'RAID controllers',
      problem: 'no such program: storcli64, storcli, perccli64, perccli',
      hint: 'Install storcli of Broadcom, or perccli of Dell for a PERC; Debian does not have them.',
    },
  ]);
  expect(layout.components).toContainEqual(expect.objectContaining({ kind: 'disk', device: '/dev/sda', on: [] }));
});

test('where there is none, nothing is asked', async ({ signal }) => {
  const host = recordedHost(recorded);
  const layout = await captureLayout(host, now, signal);
  expect(layout.gaps).toEqual([]);
  expect(layout.components.filter(({ kind }) => kind === 'raid-controller')).toEqual([]);
});

test('a controller whose tool is not there is a gap that tells which; nothing else is lost', async ({ signal }) => {
  for (const [name, program] of [
    ['hpsa', 'ssacli'],
    ['smartpqi', 'ssacli'],
    ['megaraid_sas', 'storcli64'],
  ] as const) {
    const layout = await capture({ driver: name }, signal);
    expect(layout.gaps).toEqual([
      {
        subject: 'RAID controllers',
        problem: expect.stringMatching(new RegExp(`^no such program: .*${program}`)),
        hint: expect.stringContaining('Debian does not have'),
      },
    ]);
    const whole = await capture({ driver: name, tool: { path: '/usr/sbin/ssacli', stdout: ssacli } }, signal);
    expect(layout.components).toContainEqual(expect.objectContaining({ kind: 'disk', device: '/dev/sda' }));
    // What was not seen has not gone.
    expect(layoutChanges(whole, layout)).toEqual([]);
    expect(layoutChanges(layout, whole)).toEqual([]);
  }
});

test('drives handed on as they are: no tool is looked for', async ({ signal }) => {
  const { host, asked } = hostWith({ driver: 'mpt3sas', model: 'ST4000NM0023' });
  expect((await captureLayout(host, now, signal)).gaps).toEqual([]);
  expect(asked).toEqual([]);
});

test.each([
  ['mpt3sas', 'Logical Volume'],
  ['aacraid', 'anything'],
])('disks that a controller of %s makes, whose tool is not understood', async (name, model) => {
  const { signal } = new AbortController();
  const { gaps } = await capture({ driver: name, model }, signal);
  expect(gaps).toMatchObject([{ subject: 'RAID controllers', problem: expect.stringContaining(name) }]);
});

test('a tool that fails, or prints something else, is a gap', async ({ signal }) => {
  for (const stdout of ['', 'Segmentation fault', '{"Controllers": 5}', '[]']) {
    for (const name of ['hpsa', 'megaraid_sas']) {
      const path = name === 'hpsa' ? '/usr/sbin/ssacli' : '/opt/MegaRAID/perccli/perccli64';
      const { gaps, components } = await capture({ driver: name, tool: { path, stdout, code: 1 } }, signal);
      expect(gaps).toMatchObject([{ subject: 'RAID controllers' }]);
      expect(components).toContainEqual(expect.objectContaining({ kind: 'disk', device: '/dev/sda' }));
    }
  }
});

test('two logical drives that say they are one, as after damage: the document still fits together', async ({
  signal,
}) => {
  const stdout = ssacli.replaceAll('600508B1001CE1E18302A8702C6AB008', '600508B1001CC42CDF101F06E5563967');
  const layout = await capture({ tool: { path: '/usr/sbin/ssacli', stdout } }, signal);
  expect(parseLayout(JSON.parse(JSON.stringify(layout)))).toEqual(layout);
});
