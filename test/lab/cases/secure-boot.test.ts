/** Systems under firmware that starts only what is signed: they do start, what is captured of that is true, and what is not signed is refused. */
import { expect, test } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { captureLayout } from '../../../src/layout/capture.ts';
import { type ComponentOf, type Layout, parseLayout } from '../../../src/layout/types.ts';
import { rebooted, startSystem } from '../system.ts';
import { whyNoNamespaces } from '../system/namespaces.ts';

const { signal } = new AbortController();
const why = await whyNoNamespaces(signal);
if (why !== undefined) console.log(`${import.meta.filename}: left out, as ${why}`);
const now = new Date('2026-11-21T12:00:00Z');
/** Longer than anything takes on a machine that is busy with ten other things. */
const timeout = 900_000;
const release = 'debian12';

test.skipIf(why !== undefined)(
  'a system that has booted to its end by shim, GRUB and kernel as Debian has signed them',
  {
    timeout,
  },
  async () => {
    await using lab = await startSystem({ release, firmware: 'secure-boot' }, signal);
    const said = async (text: string) => await scriptIn(lab.host, text);
    expect(await said(`systemctl is-system-running; mokutil --sb-state`)).toBe('running\nSecureBoot enabled\n');
    expect(await said(`od -An -tu1 ${variable}`)).toMatch(/ 1$/m);
    expect(await said('cat /sys/kernel/security/lockdown')).toContain('[integrity]');
    expect(await said('dmesg')).toMatch(/secureboot: Secure boot enabled/i);

    await said(
      `efibootmgr --quiet --create --disk ${systemDisk} --part 2 --label debian --loader '\\EFI\\debian\\shimx64.efi'`,
    );
    const layout = parseLayout(await captureLayout(lab.host, now, signal));
    expect(layout.gaps).toEqual([]);
    const boot = layout.components.find((one): one is ComponentOf<'boot'> => one.kind === 'boot');
    expect(boot).toMatchObject({
      firmware: 'uefi',
      firmwareBits: 64,
      secureBoot: { state: 'enabled', shim: 'checks' },
    });

    const witness = readEntries(await said('efibootmgr -v'));
    expect(boot?.efi).toMatchObject({ current: witness.current, order: witness.order });
    const { entries = [], others = [] } = boot?.efi ?? {};
    expect(
      entries.map(({ number, label, active, partUuid, path }) => ({ number, label, active, partUuid, path })),
    ).toEqual(witness.files);
    expect(others.map(({ number, label, active }) => ({ number, label, active }))).toEqual(witness.others);
    const sums = await said('cd /boot/efi && find EFI -iname "*.efi" -exec sha256sum {} +');
    const binaries = loadersOf(layout).flatMap(({ binaries: own }) =>
      own.map(({ path, sha256 }) => `${sha256}  ${path}`),
    );
    expect(binaries.map((line) => line.replace('  /', '  ')).sort()).toEqual(sums.trim().split('\n').sort());
    const loaders = loadersOf(layout).map(({ type, path = '' }) => `${type} ${path}`.trim());
    expect(loaders.sort()).toEqual(['grub-efi /EFI/BOOT', 'grub-efi /EFI/debian', 'grub-pc']);
    expect(loadersOf(layout)).toContainEqual(expect.objectContaining({ path: '/EFI/debian', distributor: 'debian' }));
    expect(loadersOf(layout)).toContainEqual(expect.objectContaining({ path: '/EFI/BOOT', removable: true }));
  },
);

test.skipIf(why !== undefined).each(['uefi', 'secure-boot'] as const)(
  'a kernel that nobody has signed, with %s',
  { timeout },
  async (firmware) => {
    await using lab = await startSystem({ release, firmware }, signal);
    const kernel = `/boot/vmlinuz-${(await scriptIn(lab.host, 'uname -r')).trim()}`;
    const signed = await lab.host.read(kernel, { maxBytes: 64 * 1024 ** 2 }, signal);
    await lab.host.write(kernel, withoutSignature(signed), {}, signal);
    await scriptIn(lab.host, 'sync');
    if (firmware === 'uefi') {
      await using host = await rebooted(lab, signal);
      expect(await scriptIn(host, 'mokutil --sb-state 2>&1 || true')).toContain("doesn't support Secure Boot");
      const { components } = parseLayout(await captureLayout(host, now, signal));
      expect(components).toContainEqual(
        expect.objectContaining({ kind: 'boot', secureBoot: { state: 'unsupported' } }),
      );
      return;
    }
    const before = lab.machine.serial.text().length;
    await scriptIn(lab.host, 'systemctl reboot --no-block');
    await lab.machine.serial.waitFor(/bad shim signature/, 300_000, signal, before);
    await lab.machine.serial.waitFor(/you need to load the kernel first/, 300_000, signal, before);
  },
);

test.skipIf(why !== undefined)('a GRUB that nobody has signed is refused by the firmware', { timeout }, async () => {
  await using lab = await startSystem({ release, firmware: 'secure-boot' }, signal);
  await scriptIn(lab.host, `cp /usr/lib/grub/x86_64-efi/monolithic/grubx64.efi /boot/efi/EFI/BOOT/BOOTX64.EFI; sync`);
  const before = lab.machine.serial.text().length;
  await scriptIn(lab.host, 'systemctl reboot --no-block');
  await lab.machine.serial.waitFor(/failed to load Boot\d+ .*Access Denied/i, 300_000, signal, before);
});

const variable = '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';
const systemDisk = '"$(readlink -f /dev/disk/by-id/*SYSTEM)"';

const loadersOf = ({ components }: Layout) =>
  components.filter((one): one is ComponentOf<'loader'> => one.kind === 'loader');

async function scriptIn(host: Host, text: string): Promise<string> {
  return (await host.run(['sh', '-ec', text], { timeoutMs: 300_000 }, signal)).stdout.toString();
}

/** What efibootmgr prints, read without the parser that is judged. */
function readEntries(text: string) {
  const lines = text.split('\n');
  const after = (name: string) => lines.find((line) => line.startsWith(name))?.slice(name.length);
  const entries = lines.flatMap((line) => {
    const [, number, mark, label, place = ''] = /^Boot([0-9A-F]{4})([* ]) ([^\t]+?)\s*\t(.*)$/.exec(line) ?? [];
    return number === undefined ? [] : [{ number, label, active: mark === '*', place }];
  });
  const files = entries.flatMap(({ place, ...entry }) => {
    const [, partUuid, path] = /^HD\(2,GPT,([-0-9a-f]{36}),.*\)\/File\((.*)\)$/.exec(place) ?? [];
    return path === undefined ? [] : [{ ...entry, partUuid, path }];
  });
  const others = entries.flatMap(({ place, ...entry }) => (place.startsWith('HD(') ? [] : [entry]));
  return { current: after('BootCurrent: '), order: after('BootOrder: '), files, others };
}

/** The same kernel as an EFI program that bears no signature, as if its maker had never had a key. */
function withoutSignature(image: Buffer): Buffer {
  const header = image.readUInt32LE(0x3c);
  // In the optional header of PE32+, after 112 bytes, the fifth of the directories: certificates, at the end of the file.
  const directory = header + 24 + 112 + 4 * 8;
  const certificates = image.readUInt32LE(directory);
  expect(certificates).toBeGreaterThan(directory);
  const rest = Buffer.from(image.subarray(0, certificates));
  rest.fill(0, directory, directory + 8);
  return rest;
}
