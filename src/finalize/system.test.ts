/** What is made anew in a restored system because the machine is another: initial filesystem, menu, network, labels, identity. */
import { describe, expect, test } from 'vitest';
import { bootMachine } from '../../test/helpers/boot-machines.ts';
import { facts, finished, noNetwork, rebuiltOf, sceneOf } from '../../test/helpers/finish-scene.ts';
import { recordedHost } from '../host/recorded.ts';
import { captureLayout } from '../layout/capture.ts';
import type { Component, Layout } from '../layout/types.ts';
import type { Link, Network } from '../network/types.ts';
import type { Scene } from './scene.ts';

const captured = await captureLayout(
  recordedHost(bootMachine('debian13-secure-boot')),
  new Date('2026-11-21T12:00:00Z'),
  new AbortController().signal,
);
const version = '6.1.0-56-cloud-amd64';
const image = `/boot/initrd.img-${version}`;
const known =
  'BootOrder: 0003\nBoot0003* debian\tHD(2,GPT,0b0f1a4e-0002-4000-8000-000000000a02,0x1000,0x32000)/\\EFI\\debian\\shimx64.efi\n';
const files = {
  [image]: '',
  [`/lib/modules/${version}/modules.builtin`]: 'kernel/drivers/block/virtio_pci.ko\n',
  '/usr/sbin/update-initramfs': '',
  '/boot/efi/EFI/debian/shimx64.efi': '',
};
const uefi = (more: Partial<Scene> = {}): Scene => sceneOf(captured, { firmware: 'uefi', ...more });
const other = (change: (one: Component) => Component): Layout => rebuiltOf(captured, (one) => [change(one)]);
/** The same disk at another controller. */
const nvme = other((one) => (one.kind === 'disk' ? { ...one, device: '/dev/nvme0n1', transport: 'nvme' } : one));
const sysfs = '/sys/devices/pci0000:00/0000:00:02.0/nvme/nvme0/nvme0n1';
const asked = {
  'rescue efibootmgr -v': known,
  'rescue realpath -- /sys/class/block/nvme0n1': `${sysfs}\n`,
  'rescue grep': 'pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02\npci:v00008086d00001237bc06sc00i00\n',
  'modprobe --set-version': 'nvme\n',
  getfattr: 1,
};

describe('the initial filesystem', () => {
  test('on the same disks it is kept, and nobody looks into it', async () => {
    const { deeds, ran } = await finished(uefi(), files, { 'rescue efibootmgr -v': known });
    expect([deeds, ran]).toEqual([[], []]);
  });

  test('on another controller it is kept where it has the driver', async () => {
    const { ran } = await finished(uefi({ layout: nvme }), files, {
      ...asked,
      lsinitramfs: `usr/lib/modules/${version}/kernel/drivers/nvme/host/nvme.ko.xz\n`,
    });
    expect(ran).toEqual([]);
  });

  test.each([
    ['it does not have it', { lsinitramfs: 'usr/lib/modules/x/kernel/drivers/ata/ahci.ko\n' }],
    ['nobody can look into it', { lsinitramfs: 1, lsinitrd: 1, lsinitcpio: 1 }],
  ])('and is made anew where %s', async (_, more) => {
    const { ran, deeds, changed } = await finished(uefi({ layout: nvme }), files, { ...asked, ...more });
    expect(ran).toEqual(['/usr/sbin/update-initramfs -u -k all']);
    expect(deeds[0]?.why).toBe(`it has not what the disks here need: nvme for ${version}`);
    expect(changed).toEqual([image, '/var/lib/initramfs-tools']);
  });

  test('what is built into the kernel needs no module', async () => {
    const { ran } = await finished(uefi({ layout: nvme }), files, {
      ...asked,
      'modprobe --set-version': 'virtio-pci\n',
      lsinitramfs: '',
    });
    expect(ran).toEqual([]);
  });

  test('one that is lost is made for its kernel; one whose copy of a file is old, too', async () => {
    const { [image]: _, ...rest } = files;
    const lost = await finished(uefi(), rest, { 'rescue efibootmgr -v': known });
    expect(lost.ran).toEqual([`/usr/sbin/update-initramfs -c -k ${version}`]);
    const slept = { ...captured, components: [...captured.components, swapOf(captured)] };
    const gone = await finished(
      sceneOf(slept, { firmware: 'uefi', layout: rebuiltOf(captured) }),
      { ...files, '/etc/initramfs-tools/conf.d/resume': 'RESUME=UUID=5\n' },
      { 'rescue efibootmgr -v': known },
    );
    expect(gone.contents['/etc/initramfs-tools/conf.d/resume']).toBe('RESUME=none\n');
    expect(gone.ran).toEqual(['/usr/sbin/update-initramfs -u -k all']);
  });

  test('dracut makes each by its name, and none of a kernel whose modules are gone', async () => {
    const rescue = {
      version: '0-rescue',
      image: '/boot/vmlinuz-0-rescue',
      initramfs: '/boot/initramfs-0-rescue.img',
      running: false,
    };
    const byDracut: Layout = {
      ...captured,
      components: captured.components.map(
        (one): Component =>
          one.kind === 'boot' && one.kernels !== undefined
            ? {
                ...one,
                kernels: { installed: [...one.kernels.installed, rescue] },
                initramfs: { tool: 'dracut', installed: [], config: [] },
              }
            : one,
      ),
    };
    const { '/usr/sbin/update-initramfs': _, [image]: __, ...rest } = files;
    const { ran } = await finished(
      sceneOf(byDracut, { firmware: 'uefi' }),
      { ...rest, [rescue.initramfs]: '', '/usr/bin/dracut': '' },
      { 'rescue efibootmgr -v': known },
    );
    expect(ran).toEqual([`/usr/bin/dracut --force ${image} ${version}`]);
  });

  test('a system whose files cannot be written as they have to be is told so before any is', async () => {
    const slept = { ...captured, components: [...captured.components, swapOf(captured)] };
    const resume = { ...files, '/etc/initramfs-tools/conf.d/resume': 'RESUME=UUID=5\n' };
    const small = { 'rescue efibootmgr -v': known, 'cp --attributes-only --help': 1 };
    const finishing = finished(sceneOf(slept, { firmware: 'uefi', layout: rebuiltOf(captured) }), resume, small);
    await expect(finishing).rejects.toThrow('has no GNU coreutils');
    // Where none has to be, it is nobody's affair.
    expect((await finished(uefi(), files, small)).deeds).toEqual([]);
  });

  test('a command that fails is an error, with a next step', async () => {
    const failing = finished(uefi({ layout: nvme }), files, {
      ...asked,
      lsinitramfs: '',
      '/usr/sbin/update-initramfs': 1,
    });
    await expect(failing).rejects.toThrow(/^make the initial filesystem anew with initramfs-tools: .*exit code 1/);
  });
});

function swapOf({ components }: Layout): Component {
  const partition = components.find((one) => one.kind === 'partition' && one.number === 1);
  return { kind: 'swap', id: 'swap:5', on: [partition?.id ?? ''], uuid: '5', sizeBytes: 1, active: true };
}

test('the menu of GRUB is made anew where what it starts is told something else', async () => {
  const slept = { ...captured, components: [...captured.components, swapOf(captured)] };
  const { ran, contents, changed } = await finished(
    sceneOf(slept, { firmware: 'uefi', layout: rebuiltOf(captured) }),
    {
      ...files,
      '/etc/default/grub': 'GRUB_CMDLINE_LINUX="resume=UUID=5 quiet"\n',
      '/boot/grub/grub.cfg': '',
      '/usr/sbin/update-grub': '',
    },
    { 'rescue efibootmgr -v': known },
  );
  expect(ran).toEqual(['/usr/sbin/update-grub']);
  expect(contents['/etc/default/grub']).toBe('GRUB_CMDLINE_LINUX="quiet"\n');
  expect(changed).toEqual(['/boot/grub/grub.cfg', '/boot/grub/grub.cfg.new', '/etc/default/grub']);
});

describe('the network', () => {
  const card = (name: string, mac: string): Link => ({
    name,
    index: 2,
    kind: 'ether',
    mtu: 1500,
    state: 'up',
    permanentMac: mac,
    mac,
    busPath: `pci0000:00/0000:00:${mac.slice(-2)}.0`,
    addresses: [
      { address: '192.0.2.3', prefix: 24, family: 'inet', scope: 'global', dynamic: false, origin: 'static' },
    ],
  });
  const net = (...links: readonly Link[]): Network => ({ ...noNetwork, links: [...links] });
  const wanted = net(card('ens3', '52:54:00:00:00:03'));
  const scene = (found: Network): Scene =>
    uefi({ network: found, captured: { layout: captured, network: wanted, facts } });
  const interfaces = { ...files, '/etc/network/interfaces': 'auto ens3\niface ens3 inet dhcp\n' };

  test('cards that are the same change nothing; another one is named in place of it', async () => {
    const same = await finished(scene(wanted), interfaces, { 'rescue efibootmgr -v': known });
    expect(same.deeds).toEqual([]);
    const { contents, changed } = await finished(scene(net(card('enp1s0', '52:54:00:00:00:09'))), interfaces, {
      'rescue efibootmgr -v': known,
    });
    expect(contents).toEqual({ '/etc/network/interfaces': 'auto enp1s0\niface enp1s0 inet dhcp\n' });
    expect(changed).toEqual(['/etc/network/interfaces']);
  });

  test('one in another place, which has the old name in the rescue system alone, is called as udev will', async () => {
    const moved = { ...card('ens3', '52:54:00:00:00:03'), busPath: 'pci0000:00/0000:00:0e.0' };
    const { contents } = await finished(scene(net(moved)), interfaces, {
      'rescue efibootmgr -v': known,
      'rescue udevadm info --query=property --path=/sys/class/net/ens3': 'ID_NET_NAME=ens3\nID_NET_NAME_PATH=enp0s14\n',
    });
    expect(contents).toEqual({ '/etc/network/interfaces': 'auto enp0s14\niface enp0s14 inet dhcp\n' });
  });

  test('no card for it is told, and keeps nothing else from being done', async () => {
    const { findings, deeds } = await finished(scene(net()), interfaces, { 'rescue efibootmgr -v': known });
    expect(findings).toEqual([{ subject: 'ens3', problem: 'no card here takes its place' }]);
    expect(deeds).toEqual([]);
  });
});

describe('SELinux', () => {
  const policy = {
    ...files,
    '/etc/selinux/config': 'SELINUX=enforcing\nSELINUXTYPE=targeted\n',
    '/usr/sbin/setfiles': '',
    '/etc/initramfs-tools/conf.d/resume': 'RESUME=/dev/none\n',
  };
  const labels = { 'rescue efibootmgr -v': known, 'rescue getfattr': 'security.selinux="x"\n' };

  test('labels that came back stay, and none came back is seen to', async () => {
    expect((await finished(uefi(), policy, labels)).deeds).toEqual([]);
    const { changed, ran } = await finished(uefi(), policy, { 'rescue efibootmgr -v': known, 'rescue getfattr': '' });
    expect(ran).toEqual([]);
    expect(changed).toEqual(['/.autorelabel']);
  });

  test('what was made here gets its own; where that fails, all do at the first start', async () => {
    const scene = uefi({ layout: nvme });
    const made = await finished(scene, policy, { ...asked, ...labels, lsinitramfs: '' });
    expect(made.ran).toEqual([
      '/usr/sbin/update-initramfs -u -k all',
      `/usr/sbin/setfiles -F -i -m /etc/selinux/targeted/contexts/files/file_contexts ${image} /var/lib/initramfs-tools`,
    ]);
    const failed = await finished(scene, policy, { ...asked, ...labels, lsinitramfs: '', '/usr/sbin/setfiles': 1 });
    expect(failed.changed).toContain('/.autorelabel');
  });

  test('a system without it is not asked', async () => {
    const off = { ...policy, '/etc/selinux/config': 'SELINUX=disabled\n' };
    expect((await finished(uefi(), off, { 'rescue efibootmgr -v': known })).deeds).toEqual([]);
  });
});

test('a clone is another machine: its ids, keys and leases are its own, and it does not back up as the host', async () => {
  const own = {
    ...files,
    '/etc/machine-id': `${facts.machineId}\n`,
    '/etc/iscsi/initiatorname.iscsi': '## x\nInitiatorName=iqn.1993-08.org.debian:01:abcdef\n',
    '/etc/ssh/ssh_host_ed25519_key': 'secret',
    '/etc/ssh/ssh_host_ed25519_key.pub': 'public',
    '/etc/ssh/sshd_config': '',
    '/usr/bin/ssh-keygen': '',
    '/var/lib/systemd/random-seed': 'x',
    '/var/lib/dhcpcd/duid': 'x',
    '/etc/cron.d/lifeboat': 'x',
  };
  expect((await finished(uefi(), own, { 'rescue efibootmgr -v': known })).deeds).toEqual([]);
  const address = { address: '192.0.2.3', prefix: 24, family: 'inet', scope: 'global', origin: 'static' } as const;
  const link: Link = {
    name: 'ens3',
    index: 2,
    kind: 'ether',
    mtu: 1500,
    state: 'up',
    addresses: [
      { ...address, dynamic: false },
      { ...address, address: '192.0.2.9', dynamic: true },
    ],
  };
  const named = { layout: captured, network: { ...noNetwork, links: [link] }, facts };
  const clone = await finished(uefi({ clone: true, captured: named, network: named.network }), own, {
    'rescue efibootmgr -v': known,
  });
  const { ran, changed, contents } = clone;
  // Nobody else can know what they should be.
  expect(clone.deeds.find(({ id }) => id === 'identity')?.why).toContain('its name web1 and the addresses 192.0.2.3:');
  expect(ran).toEqual(['/usr/bin/ssh-keygen -A']);
  expect(changed).toEqual(
    Object.keys(own)
      .filter((path) => /machine-id|initiatorname|ssh_host|random-seed|duid|cron/.test(path))
      .toSorted(),
  );
  // What is gone has no content any more.
  expect(Object.keys(contents)).toEqual(['/etc/iscsi/initiatorname.iscsi', '/etc/machine-id']);
  expect(contents['/etc/machine-id']).toMatch(/^[\da-f]{32}\n$/);
  expect(contents['/etc/machine-id']).not.toContain(facts.machineId);
  expect(contents['/etc/iscsi/initiatorname.iscsi']).toMatch(
    /^## x\nInitiatorName=iqn\.1993-08\.org\.debian:[\da-f]{12}\n$/,
  );
});

test('a key in the TPM of another machine is told of', async () => {
  const partition = captured.components.find((one) => one.kind === 'partition' && one.number === 1);
  const token = { number: 0, type: 'systemd-tpm2', slots: [1], settings: {} };
  const geometry = {
    version: 2 as const,
    cipher: 'aes-xts-plain64',
    keyBytes: 64,
    hash: 'sha256',
    sectorSize: 512,
    offsetBytes: 2 ** 24,
    flags: [],
    requirements: [],
    slots: [],
    tokens: [token],
  };
  const volume: Component = {
    kind: 'luks',
    id: 'luks:1',
    on: [partition?.id ?? ''],
    uuid: '1',
    sizeBytes: 1,
    open: true,
    name: 'safe',
    geometry,
  };
  const safe = { ...captured, components: [...captured.components, volume] };
  const dmi = { ...facts, dmi: { uuid: 'ANOTHER-MACHINE' } };
  const scene = sceneOf(safe, { firmware: 'uefi', captured: { layout: safe, network: noNetwork, facts: dmi } });
  const { findings } = await finished(scene, files, { 'rescue efibootmgr -v': known });
  expect(findings).toEqual([{ subject: 'safe', problem: expect.stringContaining('with systemd-cryptenroll') }]);
  expect(
    (await finished(sceneOf(safe, { firmware: 'uefi' }), files, { 'rescue efibootmgr -v': known })).findings,
  ).toEqual([]);
});
