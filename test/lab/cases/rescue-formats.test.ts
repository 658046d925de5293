/** Sticks, disks and entries of GRUB that start the rescue system; made beforehand, and in a system that runs. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Host, RunResult } from '../../../src/host/host.ts';
import { localHost } from '../../../src/host/local.ts';
import { stickShape } from '../../../src/media/formats/disk.ts';
import type { FormatSource } from '../../../src/media/formats/format.ts';
import { addGrubEntry, removeGrubEntry } from '../../../src/media/grub-entry.ts';
import { writeStick } from '../../../src/media/stick-write.ts';
import type { Tools } from '../../../src/media/tools.ts';
import { output } from '../../helpers/child-process.ts';
import { ofToday, ownCases } from '../../helpers/suite.ts';
import { unitText } from '../../../src/schedule/unit.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { addProgram, program } from '../program.ts';
import { addRescueCache, rescueTools } from '../rescue-cache.ts';
import { rescueMedium, startRescue } from '../rescue.ts';
import { rebooted, restarted, startSystem } from '../system.ts';
import { whyNoNamespaces } from '../system/namespaces.ts';

const { signal } = new AbortController();
/** Longer than anything takes on a machine that is busy with ten other things. */
const limitMs = 1_200_000;
const timeout = 3 * limitMs;
const now = new Date();

const scenes = [
  { format: 'usb', as: 'stick', firmware: 'bios' },
  { format: 'usb', as: 'stick', firmware: 'secure' },
  { format: 'raw', as: 'disk', firmware: 'bios' },
  { format: 'raw', as: 'disk', firmware: 'uefi' },
  { format: 'iso', as: 'stick', firmware: 'bios' },
  { format: 'iso', as: 'stick', firmware: 'secure' },
  { format: 'usb', as: 'stick', firmware: 'bios', options: { loader: 'extlinux' } },
] as const;

test.each(ofToday(scenes, now))(
  '$format as a $as by $firmware',
  { timeout },
  async ({ format, as, firmware, ...more }) => {
    const { file, medium } = await rescueMedium({ format, ...more });
    await using rescue = await startRescue(file, { as, firmware }, signal);
    await rescue.menu(signal);
    await using host = await rescue.host(signal);
    const said = async (text: string) => (await host.run(['sh', '-ec', text], {}, signal)).stdout.toString();
    expect(JSON.parse(await said('cat /etc/lifeboat/medium.json'))).toEqual(medium);
    expect(await said('cat /sys/block/sd*/ro')).toMatch(/^(1\n)+$/);
    if (firmware === 'secure') expect(await said('dmesg')).toMatch(/secureboot: Secure boot enabled/i);
  },
);

test('a medium in place of another leaves the points on a stick as they are', { timeout }, async () => {
  await using work = await temporaryDirectory();
  const tools = await rescueTools();
  const place = { tools, work: work.path };
  const path = join(work.path, 'stick');
  await using stick = await open(path, 'w');
  await stick.truncate(1024 ** 3);
  const shape = stickShape(1024 ** 3);
  const made = await sourceIn(join(work.path, 'first'), '0123456789abcdef');
  await writeStick(made, { path, shape, isOurs: false }, place, localHost(), signal);
  await writeFile(join(work.path, 'point'), 'a point');
  const at = `${path}?offset=${shape.data?.start}`;
  await tools.run('debugfs', ['-w', '-R', `write ${join(work.path, 'point')} point`, at], {}, signal);
  const next = await sourceIn(join(work.path, 'next'), 'fedcba9876543210');
  await writeStick(next, { path, shape, isOurs: true }, place, localHost(), signal);
  const said = await tools.run('debugfs', ['-R', 'cat point', at], {}, signal);
  expect(said.stdout.toString()).toBe('a point');
  const names = (await tools.run('mdir', ['-b', '-i', `${path}@@${shape.medium.start}`, '::/lifeboat'], {}, signal))
    .stdout;
  expect(names.toString()).toContain('fedcba9876543210');
  expect(names.toString()).not.toContain('0123456789abcdef');
});

test('a stick that does not hold what was written to it is found out', { timeout }, async () => {
  await using work = await temporaryDirectory();
  const tools = await rescueTools();
  const path = join(work.path, 'stick');
  await using stick = await open(path, 'w');
  await stick.truncate(1024 ** 3);
  const source = await sourceIn(join(work.path, 'source'), '0123456789abcdef');
  // As sticks do that are smaller than they say.
  const run: Tools['run'] = async (program, args, options, own) => {
    if (program === 'mtype') {
      const wrong = Buffer.alloc(65536);
      await stick.write(wrong, 0, wrong.length, shape.medium.start + 2 * 1024 ** 2 + 65536);
    }
    return await tools.run(program, args, options, own);
  };
  const shape = stickShape(1024 ** 3);
  const place = { tools: { ...tools, run }, work: work.path };
  await expect(writeStick(source, { path, shape, isOurs: false }, place, localHost(), signal)).rejects.toMatchObject({
    code: 'archive-damaged',
  });
});

/** What a medium consists of, small and of no use. */
async function sourceIn(directory: string, id: string): Promise<FormatSource> {
  await mkdir(join(directory, 'lifeboat'), { recursive: true });
  for (const name of ['medium.json', 'vmlinuz', 'initrd', 'base.squashfs', 'host.squashfs']) {
    await writeFile(join(directory, 'lifeboat', name), randomBytes(1024 ** 2));
  }
  await writeFile(join(directory, 'lifeboat', id), '');
  return { directory, id, entries: [{ title: 'lifeboat rescue', words: ['quiet'] }] };
}

const why = await whyNoNamespaces(signal);
if (why !== undefined) console.log(`${import.meta.filename}: in part left out, as ${why}`);
else if (ownCases === undefined) console.log(`${import.meta.filename}: in part left out, as it takes ten minutes`);

const dryRunSchema = z.object({ digest: z.string(), losses: z.array(z.object({ state: z.string() })) });

describe.skipIf(why !== undefined || ownCases === undefined)('in a system that runs', () => {
  test('a stick is made by its serial number, and starts a machine', { timeout }, async () => {
    await using work = await temporaryDirectory();
    const file = join(work.path, 'stick');
    await using image = await open(file, 'w');
    await image.truncate(2 * 1024 ** 3);
    {
      await using lab = await startSystem({ release: 'debian12' }, signal);
      await addProgram(lab.machine, lab.host, work.path, signal);
      await addRescueCache(lab.machine, lab.host, work.path, signal);
      await lab.machine.addDisk({ file, format: 'raw', serial: 'STICK', bus: 'usb' }, signal);
      const said = async (text: string) => await scriptIn(lab.host, text);
      await said(`
        until [ -e /dev/disk/by-id/usb-*STICK* ]; do sleep 0.2; done
        stick=$(readlink -f /dev/disk/by-id/usb-*STICK*)
        mkfs.ext4 -q -L photos $stick
        mount $stick /mnt`);
      expect(await build(lab.host, [], ['--format', 'usb', '--device', 'STICK'])).toMatchObject({
        code: 5,
        stderr: expect.stringMatching(/mounted at \/mnt/),
      });
      await said('umount /mnt');
      const usb = ['--format', 'usb', '--device', 'STICK'] as const;
      const planned = await build(lab.host, ['--dry-run'], usb);
      const { digest, losses } = dryRunSchema.parse(JSON.parse(planned.stdout.toString()));
      expect(losses).toEqual([expect.objectContaining({ state: expect.stringMatching(/ext4.*photos/) })]);
      const made = await build(lab.host, [`--yes=${digest}`], usb);
      expect(made.code, made.stderr).toBe(0);
      await said('udevadm settle; mount LABEL=LIFEBOAT-DATA /mnt; echo point > /mnt/point; umount /mnt; sync');
      const next = await build(lab.host, ['--dry-run'], usb);
      expect(dryRunSchema.parse(JSON.parse(next.stdout.toString())).losses).toEqual([]);
      // The scheduler may do less than root.
      const confined = ['systemd-run', '--wait', '--pipe', '--collect', '--quiet', ...confinement()] as const;
      const scheduled = await build(lab.host, [], ['--output', '/root/rescue.iso'], confined);
      expect(scheduled.code, scheduled.stderr).toBe(0);
    }
    await using rescue = await startRescue(file, { as: 'stick' }, signal);
    await rescue.menu(signal);
  });

  test('the menu of its own GRUB starts it, by Secure Boot too, until the entry is removed', { timeout }, async () => {
    const { file, medium } = await rescueMedium({ format: 'grub' });
    await using work = await temporaryDirectory();
    const image = join(work.path, 'files');
    await using disk = await open(image, 'w');
    await disk.truncate(256 * 1024 ** 2);
    await output('/usr/sbin/mke2fs', '-q', '-t', 'ext4', '-L', 'files', '-d', file, image);
    await using lab = await startSystem({ release: 'debian12', firmware: 'secure-boot' }, signal);
    const { machine, host } = lab;
    await machine.addDisk({ file: image, format: 'raw', serial: 'FILES', bus: 'scsi' }, signal);
    await scriptIn(
      host,
      `until [ -e /dev/disk/by-label/files ]; do sleep 0.2; done
      mount LABEL=files /mnt; mkdir /boot/lifeboat; cp -r /mnt/* /boot/lifeboat; rmdir /boot/lifeboat/lost+found; umount /mnt`,
    );
    // A processor that is kept waiting by others takes its timer for broken.
    const own = ['nokaslr', 'mitigations=off', 'no_timer_check'];
    const words = [`lifeboat.medium=${medium.id}`, 'console=ttyS0,115200', ...own];
    await addGrubEntry(host, medium.id, [{ title: 'lifeboat rescue', words }], signal);
    const said = await scriptIn(host, "grub-reboot 'lifeboat rescue'; cat /boot/grub/grub.cfg");
    expect(said).toMatch(/menuentry 'lifeboat rescue'[^}]*search [^}]*initrd \$folder\/initrd/);
    const rescue = await rebooted(lab, signal);
    expect(JSON.parse(await scriptIn(rescue, 'cat /etc/lifeboat/medium.json'))).toEqual(medium);
    expect(await scriptIn(rescue, 'dmesg')).toMatch(/secureboot: Secure boot enabled/i);
    // Nothing of the disk is needed any more, and it is read-only.
    expect(await scriptIn(rescue, 'lsblk -rno RO,MOUNTPOINT /dev/sd*')).toMatch(/^(1 \n)+$/);
    await using again = await restarted({ machine, host: rescue }, ['reboot'], signal);
    expect(await removeGrubEntry(again, signal)).toBe(true);
    const left = await scriptIn(again, 'cat /etc/os-release /boot/grub/grub.cfg; ls /boot /etc/grub.d');
    expect(left).toMatch(/Debian GNU\/Linux 12/);
    expect(left).not.toContain('lifeboat');
  });
});

async function build(
  host: Host,
  globals: readonly string[],
  words: readonly string[],
  through: readonly string[] = [],
): Promise<RunResult> {
  const [name, ...args] = [...through, ...program, '--json', ...globals, 'rescue', 'build', ...words];
  const argv = [name ?? '', ...args] as const;
  const result = await host.run(argv, { timeoutMs: limitMs, okCodes: [0, 1, 2, 5] }, signal);
  return result.code === 0 ? result : { ...result, stderr: result.stderr + result.stdout.toString() };
}

/** What the unit of the scheduler takes from what it runs, for systemd-run. */
function confinement(): readonly string[] {
  const [, options = ''] = unitText([]).split('UMask=0077');
  const lines = options.split('[Install]')[0]?.split('\n') ?? [];
  return lines.filter((line) => /^\w+=/.test(line)).map((line) => `--property=${line}`);
}

async function scriptIn(host: Host, text: string): Promise<string> {
  return (await host.run(['sh', '-ec', text], { timeoutMs: limitMs }, signal)).stdout.toString();
}
