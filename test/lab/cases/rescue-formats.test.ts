/** Sticks, disks and entries of GRUB that start the rescue system; made beforehand, and in a system that runs. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Host, RunResult } from '../../../src/host/host.ts';
import { ofToday, ownCases } from '../../helpers/suite.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { addProgram, program } from '../program.ts';
import { addRescueCache } from '../rescue-cache.ts';
import { rescueMedium, startRescue } from '../rescue.ts';
import { startSystem } from '../system.ts';
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
    if (firmware === 'secure') expect(await said('cat /sys/kernel/security/lockdown')).toContain('[integrity]');
  },
);

const why = await whyNoNamespaces(signal);
if (why !== undefined) console.log(`${import.meta.filename}: in part left out, as ${why}`);
else if (ownCases === undefined) console.log(`${import.meta.filename}: in part left out, as it takes ten minutes`);

const builtSchema = z.object({ medium: z.object({ id: z.string() }) });
const dryRunSchema = z.object({ digest: z.string(), losses: z.array(z.object({ state: z.string() })) });

describe.skipIf(why !== undefined || ownCases === undefined)('in a system that runs', () => {
  test('a stick is made by its serial number, its points stay, and it starts a machine', { timeout }, async () => {
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
      expect(await build(lab.host, ['--yes'], usb)).toMatchObject({ code: 5 });
      const planned = await build(lab.host, ['--dry-run'], usb);
      const { digest, losses } = dryRunSchema.parse(JSON.parse(planned.stdout.toString()));
      expect(losses).toEqual([expect.objectContaining({ state: expect.stringMatching(/ext4.*photos/) })]);
      expect(await build(lab.host, [`--yes=${digest}`], usb)).toMatchObject({ code: 0 });
      await said('udevadm settle; mount LABEL=LIFEBOAT-DATA /mnt; echo point > /mnt/point; umount /mnt');
      expect(await build(lab.host, ['--yes'], usb)).toMatchObject({ code: 0 });
      expect(await said('mount LABEL=LIFEBOAT-DATA /mnt; cat /mnt/point; umount /mnt')).toBe('point\n');
      await said('sync');
    }
    await using rescue = await startRescue(file, { as: 'stick' }, signal);
    await rescue.menu(signal);
  });

  test('the menu of its own GRUB starts it, by Secure Boot too, until the entry is removed', { timeout }, async () => {
    await using work = await temporaryDirectory();
    await using lab = await startSystem({ release: 'debian12', firmware: 'secure-boot' }, signal);
    await addProgram(lab.machine, lab.host, work.path, signal);
    await addRescueCache(lab.machine, lab.host, work.path, signal);
    const built = await build(lab.host, [], ['--format', 'grub']);
    expect(built).toMatchObject({ code: 0 });
    const { medium } = builtSchema.parse(JSON.parse(built.stdout.toString()));
    expect(await scriptIn(lab.host, 'stat -c "%a %n" /boot/lifeboat/initrd')).toBe('600 /boot/lifeboat/initrd\n');
    await scriptIn(lab.host, "grub-reboot 'lifeboat rescue'; sync; systemctl reboot --no-block");
    const { serial } = lab.machine;
    await serial.waitFor(/lifeboat rescue for/, limitMs, signal);
    await serial.waitFor(/Number, or arrow keys/, limitMs, signal);
    {
      await using rescue = await lab.machine.connect(limitMs, signal);
      expect(await scriptIn(rescue, 'cat /etc/lifeboat/medium.json')).toContain(medium.id);
      expect(await scriptIn(rescue, 'cat /sys/kernel/security/lockdown')).toContain('[integrity]');
      await rescue.run(['reboot'], { okCodes: [0, 1] }, signal).catch(() => undefined);
    }
    await serial.waitFor(/Debian GNU\/Linux 12/, limitMs, signal);
    await using again = await lab.machine.connect(limitMs, signal);
    expect(await build(again, [], ['--format', 'grub', '--remove'])).toMatchObject({ code: 0 });
    expect(await scriptIn(again, 'ls /boot; cat /boot/grub/grub.cfg; ls /etc/grub.d')).not.toContain('lifeboat');
  });
});

async function build(host: Host, globals: readonly string[], words: readonly string[]): Promise<RunResult> {
  const argv = [...program, '--json', ...globals, 'rescue', 'build', ...words] as const;
  const result = await host.run(argv, { timeoutMs: limitMs, okCodes: [0, 1, 2, 5] }, signal);
  return result.code === 0 ? result : { ...result, stderr: result.stderr + result.stdout.toString() };
}

async function scriptIn(host: Host, text: string): Promise<string> {
  return (await host.run(['sh', '-ec', text], { timeoutMs: limitMs }, signal)).stdout.toString();
}
