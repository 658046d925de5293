import { describe, expect, test } from 'vitest';
import { type BootMachine, bootMachine, bootMachines } from '../../../test/helpers/boot-machines.ts';
import { madeHost } from '../../../test/helpers/made-host.ts';
import { recordedHost } from '../../host/recorded.ts';
import { captureLayout } from '../capture.ts';
import { layoutChanges } from '../diff.ts';
import { layoutTree } from '../tree.ts';
import { type ComponentOf, type Layout, parseLayout } from '../types.ts';

const now = new Date('2026-11-21T12:00:00Z');
type Change = (recording: ReturnType<typeof bootMachine>) => void;

async function captured(name: BootMachine, signal: AbortSignal, change: Change = () => {}): Promise<Layout> {
  const recording = bootMachine(name);
  change(recording);
  return await captureLayout(recordedHost(recording), now, signal);
}

const bootOf = ({ components }: Layout) => components.find((one): one is ComponentOf<'boot'> => one.kind === 'boot');
const loadersOf = ({ components }: Layout) =>
  components.filter((one): one is ComponentOf<'loader'> => one.kind === 'loader');

const esp = 'partition:0b0f1a4e-0002-4000-8000-000000000a02';
const global = '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';

describe.each(bootMachines)('%s', (name) => {
  test('is a document, all of it was seen, and twice the same', async ({ signal }) => {
    const [first, second] = [await captured(name, signal), await captured(name, signal)];
    expect(first.gaps).toEqual([]);
    expect(parseLayout(JSON.parse(JSON.stringify(first)))).toEqual(first);
    expect(layoutChanges(first, second)).toEqual([]);
  });

  test('in the tree', async ({ signal }) => {
    expect(layoutTree(await captured(name, signal))).toMatchSnapshot();
  });
});

test('UEFI with Secure Boot', async ({ signal }) => {
  const layout = await captured('debian13-secure-boot', signal);
  expect(bootOf(layout)).toMatchObject({
    on: ['mount:/', 'mount:/boot/efi'],
    firmware: 'uefi',
    firmwareBits: 64,
    secureBoot: {
      state: 'enabled',
      shim: 'checks',
      machineOwnerKeys: [{ type: 'certificate' }],
      revocations: 'sbat,1,2025021800',
    },
    efi: { current: '0001', order: '0003,0001,0000,0002', entries: [{ label: 'debian', partition: esp }, {}] },
    commandLine: { parameters: ['root=UUID=3c1b7a52-90de-4c1f-8b7e-5d2a64b0c101', 'ro', 'console=ttyS0', 'quiet'] },
    kernels: {
      installed: [{ image: '/boot/vmlinuz-6.1.0-56-cloud-amd64', initramfs: '/boot/initrd.img-6.1.0-56-cloud-amd64' }],
    },
    disks: { partitions: [{ role: 'bios-boot' }, { role: 'esp', id: esp, number: 2, mounts: ['/boot/efi'] }] },
  });
  const [debian, fallback, stub, ...more] = loadersOf(layout);
  expect(more).toEqual([]);
  expect(debian).toMatchObject({
    id: `loader:grub-efi:${esp}:/EFI/debian`,
    on: [esp],
    version: '2.06-13+deb12u2',
    distributor: 'debian',
    config: ['/boot/efi/EFI/debian/grub.cfg', '/boot/grub/grub.cfg'],
  });
  expect(debian?.binaries.map(({ role }) => role)).toEqual(['fallback', 'grub', 'mok-manager', 'shim']);
  const digestOf = (loader: ComponentOf<'loader'> | undefined) =>
    loader?.binaries.find(({ role }) => role === 'shim')?.sha256;
  expect(digestOf(debian)).toMatch(/^[0-9a-f]{64}$/);
  expect(fallback).toMatchObject({ type: 'grub-efi', path: '/EFI/BOOT', removable: true });
  expect(digestOf(fallback)).toBe(digestOf(debian));
  expect(stub).toMatchObject({ type: 'efi-stub', path: '/vmlinuz-linux', on: [esp], binaries: [] });
});

test('systemd-boot with an entry of the Boot Loader Specification', async ({ signal }) => {
  const layout = await captured('debian11-systemd-boot', signal);
  expect(bootOf(layout)).toMatchObject({
    secureBoot: { state: 'setup' },
    startedBy: { name: 'systemd-boot 247.3-7+deb11u5', partUuid: esp.slice('partition:'.length) },
    commandLine: { kernelInstall: 'root=UUID=3c1b7a52-90de-4c1f-8b7e-5d2a64b0c101 ro console=ttyS0 quiet' },
  });
  expect(bootOf(layout)?.kernels?.installed.map(({ image }) => image)).toEqual([
    '/boot/efi/0b0f1a4e000340008000000000000a11/6.1.0-56-cloud-amd64/linux',
    '/boot/vmlinuz-6.1.0-56-cloud-amd64',
  ]);
  const loaders = loadersOf(layout);
  expect(loaders.filter(({ type }) => type === 'systemd-boot').map(({ path }) => path)).toEqual([
    '/EFI/BOOT',
    '/EFI/systemd',
  ]);
  expect(loaders.find(({ type }) => type === 'bls')?.entries).toMatchObject([
    {
      title: 'Debian GNU/Linux 11 (bullseye)',
      machineId: '0b0f1a4e000340008000000000000a11',
      options: expect.stringMatching(/^root=/),
    },
  ]);
});

test('GRUB for BIOS in a BIOS boot partition and in the gap of an MBR, extlinux', async ({ signal }) => {
  const layout = await captured('debian12-bios', signal);
  expect(bootOf(layout)).toMatchObject({
    firmware: 'bios',
    secureBoot: { state: 'unsupported' },
    initramfs: { tool: 'initramfs-tools' },
  });
  const bios = loadersOf(layout).filter(({ type }) => type === 'grub-pc');
  expect(bios.map(({ device, version }) => [device, version])).toEqual([
    ['/dev/vda', '2.06'],
    ['/dev/vdc', '2.06'],
  ]);
  expect(bios[0]?.core).toMatchObject({ sector: 2048, partition: 'partition:0b0f1a4e-0001-4000-8000-000000000a01' });
  expect(bios[1]?.core).toMatchObject({ sector: 1 });
  expect(bios[1]?.core?.partition).toBeUndefined();
  expect(loadersOf(layout).find(({ type }) => type === 'extlinux')).toMatchObject({
    path: '/boot/ext/extlinux/extlinux.conf',
    settings: { default: 'l0', timeout: '50' },
    entries: [{ name: 'l0', linux: '/vmlinuz', initrd: ['/initrd.img'], options: 'root=/dev/vdb1 ro quiet' }],
  });
});

describe('differences', () => {
  const before = 'debian13-secure-boot';
  const changed = async (signal: AbortSignal, change: Change, swapped = false) => {
    const [old, then] = [await captured(before, signal), await captured(before, signal, change)];
    return layoutChanges(swapped ? then : old, swapped ? old : then).map((one) => [
      one.attribute ?? one.change,
      one.risk,
    ]);
  };

  test('Secure Boot turned on keeps an older point from starting, turned off it does not', async ({ signal }) => {
    const off: Change = ({ files }) => (files[global] = '\u0006\0\0\0\0');
    expect(await changed(signal, off)).toEqual([['secureBoot.state', 'appearance']]);
    expect(await changed(signal, off, true)).toEqual([['secureBoot.state', 'recovery']]);
  });

  test('an upgrade of the kernel, started by another loader', async ({ signal }) => {
    const upgrade: Change = ({ files, commands }) => {
      files['/proc/sys/kernel/osrelease'] = '6.1.0-57-cloud-amd64\n';
      files['/proc/cmdline'] = files['/proc/cmdline']?.replace(/BOOT_IMAGE=\S+/, 'initrd=\\x') ?? null;
      for (const command of commands)
        if (command.argv[0] === 'find') command.stdout = command.stdout.replaceAll('-56-cloud', '-57-cloud');
    };
    expect(await changed(signal, upgrade)).toEqual([
      ['kernels.installed', 'appearance'],
      ['runningKernel', 'appearance'],
    ]);
  });

  test('which entry is next, and what the firmware offers by itself, say nothing', async ({ signal }) => {
    const other: Change = ({ commands }) => {
      for (const command of commands)
        if (command.argv[0] === 'efibootmgr')
          command.stdout = command.stdout
            .replace('BootCurrent: 0001', 'BootNext: 0002\nBootCurrent: 0003')
            .replace('Timeout: 0', 'Timeout: 5')
            .replace('UEFI Misc Device', 'USB stick');
    };
    expect(await changed(signal, other)).toEqual([]);
  });

  test('another type of firmware, and an EFI system partition that is gone', async ({ signal }) => {
    const boot = bootOf(await captured(before, signal));
    const layout = await captured(before, signal);
    const rest = layout.components.filter(({ kind }) => kind !== 'boot');
    const after = {
      ...layout,
      components:
        boot === undefined ? rest : [...rest, { ...boot, firmware: 'bios' as const, disks: { partitions: [] } }],
    };
    expect(layoutChanges(layout, after).map(({ attribute, risk }) => [attribute, risk])).toEqual([
      ['disks.partitions', 'recovery'],
      ['firmware', 'recovery'],
    ]);
  });
});

describe('what cannot be seen', () => {
  test('an EFI system partition that only root can read', async ({ signal }) => {
    const denied: Change = ({ commands }) => {
      for (const command of commands) {
        if (command.argv[0] !== 'find' || command.argv[1] !== '/boot') continue;
        command.code = 1;
        command.stderr = "find: '/boot/efi': Permission denied\n";
        command.stdout = command.stdout.replace(/[fl] \d+ \/boot\/efi\/[^\0]*\0/g, '');
      }
    };
    const [before, after] = [
      await captured('debian13-secure-boot', signal),
      await captured('debian13-secure-boot', signal, denied),
    ];
    expect(after.gaps).toContainEqual({
      subject: '/boot/efi on /dev/vda2',
      problem: 'cannot be read: Permission denied',
      hint: 'Only root can read it.',
    });
    // Not seen is not gone.
    expect(layoutChanges(before, after)).toEqual([]);
  });

  test('an EFI system partition that is not mounted, and no efibootmgr', async ({ signal }) => {
    const bare: Change = ({ commands }) => {
      for (const command of commands) {
        if (command.argv[0] === 'efibootmgr') command.missing = true;
        if (command.argv[0] !== 'findmnt') continue;
        const { filesystems } = JSON.parse(command.stdout);
        const others = filesystems.filter(({ target }: { target: string }) => target !== '/boot/efi');
        command.stdout = JSON.stringify({ filesystems: others });
      }
    };
    const { gaps } = await captured('debian13-secure-boot', signal, bare);
    expect(gaps).toContainEqual(
      expect.objectContaining({ subject: '/dev/vda2', problem: expect.stringMatching('not mounted') }),
    );
    expect(gaps).toContainEqual(
      expect.objectContaining({ subject: 'efibootmgr', hint: expect.stringMatching('apt-get install efibootmgr') }),
    );
  });

  test('a container has no loader, no kernel, and nothing is missing', async ({ signal }) => {
    const empty = {
      lsblk: '{"blockdevices": []}',
      findmnt: '{"filesystems": [{"target": "/", "source": "overlay", "fstype": "overlay", "maj:min": "0:50"}]}',
      find: '',
      grep: '',
      stat: '4096 10 5',
    };
    const files = {
      '/proc/cmdline': 'quiet\n',
      '/proc/sys/kernel/osrelease': '6.1\n',
      '/proc/swaps': 'Filename Type Size Used Priority\n',
    };
    const layout = await captureLayout(madeHost(empty, files), now, signal);
    expect(layout.gaps).toEqual([]);
    expect(loadersOf(layout)).toEqual([]);
    expect(bootOf(layout)).toMatchObject({
      firmware: 'unknown',
      runningKernel: '6.1',
      kernels: { installed: [] },
      disks: { partitions: [] },
    });
  });
});

test('no escape sequence of a label reaches the terminal', async ({ signal }) => {
  const odd: Change = ({ commands }) => {
    for (const command of commands) command.stdout = command.stdout.replaceAll('Linux (stub)', 'a\tb \u001b[31m\udcff');
  };
  const tree = layoutTree(await captured('debian13-secure-boot', signal, odd));
  expect(tree).not.toContain('\u001b');
  expect(tree).toContain('[31m');
});

test('an EFI system partition on a RAID: both legs, and the loader on both', async ({ signal }) => {
  const md = { name: 'md127', 'maj:min': '9:127', type: 'raid1', size: 9, fstype: 'vfat', uuid: 'AAAA-BBBB' };
  const disk = (name: string, minor: number) => ({
    name,
    'maj:min': `8:${minor}`,
    type: 'disk',
    size: 99,
    serial: name,
    pttype: 'gpt',
    children: [
      {
        name: `${name}1`,
        'maj:min': `8:${minor + 1}`,
        type: 'part',
        size: 9,
        parttype: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
        partuuid: `part-of-${name}`,
        fstype: 'linux_raid_member',
        children: [md],
      },
    ],
  });
  const mounted = { target: '/boot/efi', source: '/dev/md127', fstype: 'vfat', 'maj:min': '9:127' };
  const loader = '/boot/efi/EFI/debian/grubx64.efi';
  const host = madeHost({
    lsblk: JSON.stringify({ blockdevices: [disk('sda', 0), disk('sdb', 16)] }),
    findmnt: JSON.stringify({ filesystems: [mounted] }),
    find: ([, root]) => (root === '/sys/firmware' ? '/sys/firmware/efi\0' : root === '/boot' ? `f 9 ${loader}\0` : ''),
    grep: '',
    sha256sum: '',
  });
  const layout = await captureLayout(host, now, signal);
  const legs = ['partition:part-of-sda', 'partition:part-of-sdb'];
  const through = expect.stringContaining('md127');
  expect(bootOf(layout)?.disks?.partitions).toMatchObject(legs.map((id) => ({ id, mounts: ['/boot/efi'], through })));
  expect(loadersOf(layout)).toMatchObject([{ type: 'grub-efi', on: legs, path: '/EFI/debian', distributor: 'debian' }]);
  expect(layout.gaps.some(({ problem }) => problem.includes('not mounted'))).toBe(false);
});
