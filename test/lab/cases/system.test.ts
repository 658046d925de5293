/** Whole systems: that they start as servers do, the same everywhere, and each on a disk of its own. */
import { expect, test } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { ofToday } from '../../helpers/suite.ts';
import { rebooted, startSystem } from '../system.ts';
import { whyNoNamespaces } from '../system/namespaces.ts';

const { signal } = new AbortController();
const why = await whyNoNamespaces(signal);
if (why !== undefined) console.log(`${import.meta.filename}: left out, as ${why}`);
/** Longer than anything takes on a machine that is busy with ten other things. */
const timeout = 1_800_000;

/** Images of Debian 11 and 13 are built too, but no case has passed with them. */
const release = 'debian12' as const;
const scenes = (['bios', 'uefi'] as const).map((firmware) => ({ release, firmware }));

test.skipIf(why !== undefined).each(ofToday(scenes, new Date()))(
  '$release by $firmware',
  { timeout },
  async ({ release, firmware }) => {
    await using lab = await startSystem({ release, firmware, disks: [{ serial: 'A', bytes: 64 * 1024 ** 2 }] }, signal);
    expect(await said(lab.host, '. /etc/os-release; echo "$ID$VERSION_ID"')).toBe(release);
    expect(await said(lab.host, '[ -d /sys/firmware/efi ] && echo uefi || echo bios')).toBe(firmware);
    expect(await said(lab.host, 'systemctl is-system-running; cat /proc/1/comm')).toBe('running\nsystemd');
    expect(await said(lab.host, 'dpkg --audit')).toBe('');
    expect(lab.devices.get('A')).toMatch(/^\/dev\/sd/);
    const identity =
      'cat /etc/machine-id; blkid -s UUID -o value $(findmnt -no SOURCE /) $(findmnt -no SOURCE /boot/efi)';
    expect(await said(lab.host, identity)).toBe(
      '3b9f6c1d2a784e5fb0c4d7e8a9612f53\n5f1e0b6a-52a4-4d0e-9c1d-8c4f3a8e2b01\n1B0A-7E57',
    );

    await said(lab.host, 'echo kept > /root/file');
    await using host = await rebooted(lab, signal);
    expect(await said(host, 'cat /root/file')).toBe('kept');
    await using another = await startSystem({ release, firmware }, signal);
    expect(await said(another.host, 'ls -A /root/file 2> /dev/null || echo none')).toBe('none');
  },
);

async function said(host: Host, text: string): Promise<string> {
  return (await host.run(['sh', '-ec', text], { timeoutMs: 300_000 }, signal)).stdout.toString().trim();
}
