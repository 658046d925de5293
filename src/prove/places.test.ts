import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { insideOf } from './inside.ts';
import { placesOf } from './places.ts';

test('what was changed on purpose is known by where it really lies, with all below it', async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  mkdirSync(join(root, 'usr/lib/modules'), { recursive: true });
  mkdirSync(join(root, 'etc'));
  symlinkSync('usr/lib', join(root, 'lib'));
  symlinkSync('/usr/lib', join(root, 'etc/lib'));
  const places = placesOf(root, ['/lib/modules/', '/etc//fstab', '/etc/lib/x', '/new/file', '/etc/lib'], ['/home']);
  const changed = [
    'usr/lib/modules',
    'usr/lib/modules/6.1/modules.dep',
    'etc/fstab',
    'usr/lib/x',
    'new/file',
    'etc/lib',
  ];
  for (const path of changed) expect([path, places.affair(path)]).toEqual([path, 'changed']);
  for (const path of ['usr/lib', 'usr/lib/modules2', 'etc', 'etc/fstab2', 'lib', 'usr', ''])
    expect([path, places.affair(path)]).toEqual([path, undefined]);
  expect([places.affair('home'), places.affair('home/a/b')]).toEqual(['left-out', 'left-out']);
  // What is put into a directory moves its time.
  for (const path of ['usr/lib', 'etc', 'new', '']) expect([path, places.touched(path)]).toEqual([path, true]);
  expect(places.touched('usr')).toBe(false);
});

test('files are looked at as the system will see them', async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  mkdirSync(join(root, 'etc'));
  mkdirSync(join(root, 'boot/EFI/Debian'), { recursive: true });
  writeFileSync(join(root, 'etc/hostname'), 'recovered\n');
  writeFileSync(join(root, 'boot/EFI/Debian/GRUBX64.EFI'), 'MZ');
  symlinkSync('/etc/hostname', join(root, 'name'));
  symlinkSync('../../../../../../etc/hostname', join(root, 'etc/up'));
  symlinkSync('/etc/passwd', join(root, 'nowhere'));
  const inside = insideOf(root);
  expect([inside.text('/name'), inside.text('/etc/up'), inside.text('/nowhere')]).toEqual([
    'recovered\n',
    'recovered\n',
    undefined,
  ]);
  expect(inside.head('/etc', 10)).toBeUndefined();
  expect(inside.head('/etc/hostname', 4)?.toString()).toBe('reco');
  expect(inside.names('/')).toEqual(['boot', 'etc', 'name', 'nowhere']);
  expect([inside.names('/name'), inside.names('/none')]).toEqual([[], []]);
  expect(inside.real('/name')).toBe('/etc/hostname');
  expect(inside.spelled('/boot/efi/debian/grubx64.efi')).toBe('/boot/EFI/Debian/GRUBX64.EFI');
  expect(inside.spelled('/boot/efi/debian/shimx64.efi')).toBeUndefined();
});
