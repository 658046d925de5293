import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseEntry, parseLoaderConf } from './bls.ts';
import { lastingParameters, parameters, redactedLine, shellAssignments } from './command-line.ts';
import { parseEfibootmgr } from './efibootmgr.ts';
import { readMarks, roleOf } from './efi-binaries.ts';
import { parseExtlinux } from './extlinux.ts';
import { firmwareOf, flag, parsePaths, signatures, wideText } from './firmware.ts';
import { initramfsOf, kernelsOf } from './kernels.ts';
import { type FoundFile, parseDigests, parseFind, parseGrep } from './reading.ts';

const files = (...paths: string[]): FoundFile[] => paths.map((path) => ({ path, sizeBytes: 1, isLink: false }));

describe('command lines', () => {
  test('secrets are replaced, and nothing else', () => {
    expect(
      redactedLine(
        'root=UUID=1 rd.iscsi.password=geheim1 netroot=iscsi:user:geheim2@10.0.0.1::::iqn systemd.set_credential=a:geheim3 quiet "dyndbg=file a.c +p"',
      ),
    ).toBe(
      'root=UUID=1 rd.iscsi.password=[redacted] netroot=iscsi:user:[redacted]@10.0.0.1::::iqn systemd.set_credential=[redacted] quiet "dyndbg=file a.c +p"',
    );
    expect(redactedLine('url=http://me:geheim4@host/x')).not.toContain('geheim4');
  });

  test('what loaders add is no difference between two starts', () => {
    const first = lastingParameters('BOOT_IMAGE=/vmlinuz-6.1 root=/dev/sda1 ro resume_offset=5');
    expect(lastingParameters('initrd=\\initrd-6.12 root=/dev/sda1 ro resume_offset=5')).toEqual(first);
    expect(parameters('a="b c" "d e=f" g')).toEqual(['a="b c"', '"d e=f"', 'g']);
  });

  test('settings of GRUB: quotes, variables, what a shell would have to run', () => {
    const first = shellAssignments([
      '# GRUB_CMDLINE_LINUX="no"',
      'GRUB_CMDLINE_LINUX_DEFAULT="quiet splash" # why',
      'GRUB_CMDLINE_LINUX=\'console=ttyS0 \'"x"',
      'GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`',
    ]);
    expect(first).toEqual({
      GRUB_CMDLINE_LINUX_DEFAULT: 'quiet splash',
      GRUB_CMDLINE_LINUX: 'console=ttyS0 x',
      GRUB_DISTRIBUTOR: '`lsb_release -i -s 2> /dev/null || echo Debian`',
    });
    const then = shellAssignments(['GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT init=/x"'], first);
    expect(then['GRUB_CMDLINE_LINUX_DEFAULT']).toBe('quiet splash init=/x');
  });
});

describe('boot entries', () => {
  test('several initial file systems and lines of options', () => {
    const lines = [
      'title Fedora',
      '# no',
      'linux /vmlinuz',
      'initrd /ucode.img',
      'initrd /a.img $tuned',
      'options a',
      'options\tb=c',
    ];
    expect(parseEntry('/boot/loader/entries/x-6.1.conf', lines)).toEqual({
      name: 'x-6.1',
      title: 'Fedora',
      linux: '/vmlinuz',
      initrd: ['/ucode.img', '/a.img', '$tuned'],
      options: 'a b=c',
    });
    expect(() => parseEntry('/x.conf', ['title only'])).toThrow();
    expect(parseLoaderConf(['#timeout 3', 'timeout 5', 'default  a-*'])).toEqual({ timeout: '5', default: 'a-*' });
  });

  test('extlinux: initrd in append, several of them, text of menus', () => {
    expect(
      parseExtlinux(['DEFAULT l0', 'LABEL l0', 'MENU LABEL ^Old', 'KERNEL ../vmlinuz', 'APPEND initrd=a.img,b.img ro']),
    ).toEqual({
      settings: { default: 'l0' },
      entries: [{ name: 'l0', title: 'Old', linux: '../vmlinuz', initrd: ['a.img', 'b.img'], options: 'ro' }],
    });
  });
});

describe('kernels', () => {
  test.each([
    ['Debian', ['/boot/vmlinuz-6.1.0-9-amd64', '/boot/initrd.img-6.1.0-9-amd64'], '6.1.0-9-amd64', true],
    ['Fedora', ['/boot/vmlinuz-6.1-2.fc40', '/boot/initramfs-6.1-2.fc40.img'], '6.1-2.fc40', true],
    ['kernel-install', ['/efi/abc/6.1-1/linux', '/efi/abc/6.1-1/initrd'], '6.1-1', true],
    ['without initial file system', ['/boot/vmlinuz-6.9'], '6.9', false],
  ])('%s', (_, paths, version, initramfs) => {
    const [image, second] = paths;
    expect(kernelsOf(files(...paths), [], new Map(), version)).toEqual([
      { version, image, running: true, ...(initramfs ? { initramfs: second } : {}) },
    ]);
  });

  test('Arch Linux names them by package; copies below /lib/modules are none of their own', () => {
    const modules = files('/lib/modules/6.9.1-arch1/vmlinuz', '/lib/modules/6.9.1-arch1/pkgbase');
    const names = new Map([['/lib/modules/6.9.1-arch1/pkgbase', ['linux']]]);
    expect(kernelsOf(files('/boot/vmlinuz-linux', '/boot/initramfs-linux.img'), modules, names, '6.9')).toEqual([
      { version: '6.9.1-arch1', image: '/boot/vmlinuz-linux', initramfs: '/boot/initramfs-linux.img', running: false },
    ]);
  });

  test('which tool makes initial file systems', () => {
    const both = files('/usr/sbin/update-initramfs', '/usr/bin/dracut', '/etc/dracut.conf');
    expect(initramfsOf(files('/usr/bin/mkinitcpio'), [])).toEqual({
      tool: 'mkinitcpio',
      installed: ['mkinitcpio'],
      config: [],
    });
    expect(initramfsOf(both, [])).toEqual({
      installed: ['initramfs-tools', 'dracut'],
      config: ['/etc/dracut.conf'],
    });
    expect(initramfsOf(both, ['initrd_generator=dracut'])?.tool).toBe('dracut');
    expect(initramfsOf([...both, ...files('/etc/kernel/postinst.d/dracut')], [])?.tool).toBe('dracut');
    expect(initramfsOf([], [])).toBeUndefined();
  });
});

describe('firmware', () => {
  test.each([
    ['uefi', ['/sys/firmware', '/sys/firmware/acpi', '/sys/firmware/efi']],
    ['bios', ['/sys/firmware/acpi', '/sys/firmware/devicetree/base']],
    ['openfirmware', ['/sys/firmware/devicetree/base/compatible', '/sys/firmware/devicetree/base/openprom']],
    ['devicetree', ['/sys/firmware/devicetree/base/compatible']],
    ['unknown', ['/sys/firmware']],
  ])('%s', (firmware, paths) => {
    expect(firmwareOf(new Set(paths))).toBe(firmware);
  });

  test('a variable has four bytes of attributes before its content', () => {
    expect(flag('\u0006\0\0\0\u0001')).toBe(true);
    expect(() => flag('\u0006\0\0\0')).toThrow();
    expect(wideText('\u0006\0\0\0a\0b\0\0\0')).toBe('ab');
  });
});

describe('EFI programs', () => {
  // What grep(1) found in the binaries of Debian 12 by our pattern.
  test.each([
    ['/EFI/debian/shimx64.efi', ['shim,4,UEFI shim,shim,1,', 'shim.debian,1,Debian,shim,16.1,'], 'shim', '16.1'],
    ['/EFI/BOOT/BOOTX64.EFI', ['shim,4,UEFI shim,shim,1,', 'shim.debian,1,Debian,shim,16.1,'], 'shim', '16.1'],
    ['/EFI/debian/fbx64.efi', ['shim,4,UEFI shim,shim,1,', 'shim.debian,1,Debian,shim,16.1,'], 'fallback', '16.1'],
    ['/EFI/debian/mmx64.efi', ['shim,4,UEFI shim,shim,1,', 'shim.debian,1,Debian,shim,16.1,'], 'mok-manager', '16.1'],
    [
      '/EFI/debian/grubx64.efi',
      [
        'Welcome to GRUB!',
        'grub,5,Free Software Foundation,grub,2.06,',
        'grub.debian,5,Debian,grub2,2.06-13+deb12u2,',
        'grub.debian12,1,Debian,grub2,2.06-13+deb12u2,',
      ],
      'grub',
      '2.06-13+deb12u2',
    ],
    ['/EFI/BOOT/BOOTX64.EFI', ['Welcome to GRUB!'], 'grub', undefined],
    [
      '/EFI/systemd/systemd-bootx64.efi',
      [
        '#### LoaderInfo: systemd-boot 252.39-1~deb12u2 ####',
        'systemd,1,The systemd Developers,systemd,252,',
        'systemd.debian,1,Debian GNU/Linux,systemd,252.39-1~deb12u2,',
      ],
      'systemd-boot',
      '252.39-1~deb12u2',
    ],
    [
      '/EFI/Linux/a.efi',
      [
        'systemd,1,The systemd Developers,systemd,252,',
        'systemd.debian,1,Debian GNU/Linux,systemd,252.39-1~deb12u2,',
        '#### LoaderInfo: systemd-stub 252.39-1~deb12u2 ####',
      ],
      'uki',
      '252.39-1~deb12u2',
    ],
    ['/EFI/Microsoft/Boot/bootmgfw.efi', [], 'windows', undefined],
    ['/EFI/tool/flash.efi', [], 'other', undefined],
  ])('%s with %j', (path, marks, role, version) => {
    const found = readMarks(marks);
    expect(roleOf(path, found.program)).toBe(role);
    expect(found.version).toBe(version);
  });
});

describe('any text gives a result or an error', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .array(
        fc.constantFrom(
          'Boot0001* ',
          'BootOrder: ',
          'HD(1,GPT,',
          '/File(\\',
          ')',
          '\t',
          '\n',
          '\0',
          '\u001b[31m',
          '\udcff',
          ' ',
          '=',
          'label x',
          'linux',
          'append ',
          '      data: 4e ac',
          "'",
          '"',
          '`',
          '$',
          '{',
          '\\',
          '/a',
          'sbat,1,',
          '####',
        ),
      )
      .map((parts) => parts.join('')),
  );
  test.each<[string, (text: string) => unknown]>([
    ['efibootmgr', parseEfibootmgr],
    ['find', parseFind],
    ['find /sys/firmware', parsePaths],
    ['grep', parseGrep],
    ['sha256sum', parseDigests],
    ['a boot entry', (all) => parseEntry('/x.conf', all.split('\n'))],
    ['loader.conf', (all) => parseLoaderConf(all.split('\n'))],
    ['extlinux.conf', (all) => parseExtlinux(all.split('\n'))],
    ['/etc/default/grub', (all) => shellAssignments(all.split('\n'))],
    ['a command line', lastingParameters],
    ['marks', (all) => readMarks(all.split('\n'))],
    ['a flag', flag],
    ['signatures', (all) => signatures(Buffer.from(all, 'utf8'))],
  ])('%s', (_, parse) => {
    fc.assert(
      fc.property(text, (content) => {
        try {
          expect(parse(content)).toBeDefined();
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});
