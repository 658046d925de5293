/** What starts a medium, in the words of each loader; the lab (`test/lab/cases/rescue-*`) proves that it does. */
import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert, integer, property } from 'fast-check';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/helpers/temporary.ts';
import { type DiskShape, shapeOf, stickShape, tableText } from './disk.ts';
import { extlinuxConfig } from './extlinux.ts';
import { formatNamed } from './formats.ts';
import { placedBoot, placedCore } from './grub-bios.ts';
import { grubConfig } from './grub-config.ts';
import { inMemoryEntries } from './in-memory.ts';
import { dnsmasqConfig, ipxeScript, netGrubConfig } from './pxe.ts';

const entries = [
  { title: 'lifeboat rescue', words: ['lifeboat.medium=0123456789abcdef', 'quiet'] },
  { title: 'lifeboat rescue, copied to memory', words: ['lifeboat.medium=0123456789abcdef', 'lifeboat.toram'] },
];
const mebi = 1 << 20;

test('a format that there is not is named with those that there are', () => {
  expect(() => formatNamed('floppy')).toThrow(
    expect.objectContaining({ code: 'usage', hint: expect.stringMatching(/iso, usb, raw, pxe, grub/) }),
  );
  expect(formatNamed('usb').name).toBe('usb');
});

test('every loader gets the words of every entry, and waits no longer than two seconds', () => {
  const texts = [
    grubConfig('id', entries),
    extlinuxConfig(entries, 'lifeboat'),
    ipxeScript(entries),
    netGrubConfig(entries),
  ];
  for (const text of texts) {
    for (const { title, words } of entries) {
      expect(text).toContain(title);
      expect(text).toContain(words.join(' '));
    }
    expect(text).toMatch(/set timeout=2\n|TIMEOUT 20\n|--timeout 2000 /);
  }
  expect(grubConfig('id', entries)).toMatch(/^search --no-floppy --set=root --file \/lifeboat\/id\n/);
});

test('GRUB takes what is large by HTTP where it can, else from where it was loaded', () => {
  const text = netGrubConfig(entries, 'http://192.0.2.1:8080/rescue/');
  expect(text).toContain('if linux (http,192.0.2.1:8080)/rescue/lifeboat/vmlinuz lifeboat.medium=');
  expect(text).toContain('    initrd $folder/initrd\n');
  expect(netGrubConfig(entries, 'http://server')).toContain('(http,server)/lifeboat/vmlinuz');
});

test('what is in memory anyway is not offered to be copied there', () => {
  expect(inMemoryEntries(entries).map(({ title }) => title)).toEqual(['lifeboat rescue']);
});

test('a DHCP server gives each firmware what it can start', () => {
  const tftp = dnsmasqConfig();
  expect(tftp).toContain('dhcp-boot=tag:ipxe,boot.ipxe\n');
  expect(tftp).toContain('dhcp-boot=tag:!ipxe,tag:bios,pxelinux.0\n');
  expect(tftp).not.toContain('http');
  const http = dnsmasqConfig('http://192.0.2.1/rescue/');
  expect(http).toContain('dhcp-boot=tag:ipxe,http://192.0.2.1/rescue/boot.ipxe\n');
  expect(http).toContain('dhcp-boot=tag:!ipxe,tag:efi,bootx64.efi\n');
  expect(http).toContain('dhcp-option-force=tag:bios,210,http://192.0.2.1/rescue/\n');
});

test('parts of a disk do not overlap, and leave the table its room', () => {
  const check = ({ bytes, bios, medium, data }: DiskShape): void => {
    const parts = [bios, medium, ...(data === undefined ? [] : [data])];
    let end = mebi;
    for (const part of parts) {
      expect(part.start).toBe(end);
      expect(part.start % mebi).toBe(0);
      expect(part.bytes).toBeGreaterThan(0);
      end = part.start + part.bytes;
    }
    expect(end + mebi).toBeLessThanOrEqual(bytes);
  };
  const some = integer({ min: 0, max: 5000 });
  assert(property(integer({ min: 1, max: 5000 }), some, (medium, room) => check(shapeOf(medium * mebi, room * mebi))));
  assert(
    property(integer({ min: 600 * mebi, max: 2 ** 41 }), (bytes) => {
      const shape = stickShape(bytes);
      expect(shape.bytes).toBeLessThanOrEqual(bytes);
      check({ ...shape, bytes });
    }),
  );
});

test('the table is one that sfdisk makes', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'disk');
  const shape = shapeOf(64 * mebi, 32 * mebi);
  writeFileSync(file, '');
  truncateSync(file, shape.bytes);
  execFileSync('/usr/sbin/sfdisk', ['--quiet', file], { input: tableText(shape) });
  const { partitiontable } = JSON.parse(execFileSync('/usr/sbin/sfdisk', ['--json', file], { encoding: 'utf8' }));
  expect(partitiontable).toMatchObject({
    label: 'gpt',
    partitions: [
      { start: 2048, size: 2048, name: 'lifeboat-bios' },
      {
        start: 4096,
        size: 64 * 2048,
        name: 'lifeboat',
        // An EFI system partition.
        type: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
        attrs: 'LegacyBIOSBootable',
      },
      { start: 4096 + 64 * 2048, size: 32 * 2048, name: 'lifeboat-data' },
    ],
  });
});

test("GRUB's boot sector knows where the rest is, and the rest where it goes on", () => {
  const boot = placedBoot(Buffer.alloc(512), 2048);
  expect(boot.readBigUInt64LE(0x5c)).toBe(2048n);
  const core = placedCore(Buffer.alloc(4096), 2048);
  expect(core.readBigUInt64LE(0x1f4)).toBe(2049n);
});
