import { expect, test } from 'vitest';
import { parseListing } from './layer-list.ts';

test('what unsquashfs lists: files, links, devices, names with spaces', () => {
  expect(
    parseListing(`drwxr-xr-x 0/0                    49 1970-01-01 00:00 root
drwxr-xr-x 0/0                    57 1970-01-01 00:00 root/etc
-rw-r--r-- 0/0                   426 1970-01-01 00:00 root/etc/a file
lrwxrwxrwx 0/0                     7 1970-01-01 00:00 root/bin -> usr/bin
crw--w---- 0/5                4,  64 1970-01-01 00:00 root/dev/tty
`),
  ).toEqual([
    { path: 'etc', kind: 'directory', bytes: 57 },
    { path: 'etc/a file', kind: 'file', bytes: 426 },
    { path: 'bin', kind: 'link', bytes: 7, target: 'usr/bin' },
    { path: 'dev/tty', kind: 'other', bytes: 64 },
  ]);
});
