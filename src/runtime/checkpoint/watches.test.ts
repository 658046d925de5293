/** Lines as Linux 6.18 prints them. */
import { expect, test } from 'vitest';
import { overlaysIn, parseWatches } from './watches.ts';

test('what is watched is known by inode and device', () => {
  const told = `pos:\t0
mnt_id:\t17
inotify wd:2 ino:14 sdev:29 mask:208 ignored_mask:0 fhandle-bytes:24 fhandle-type:f8 f_handle:00000000fb210401
inotify wd:1 ino:1f04a2 sdev:800001 mask:100 ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:a2041f00
`;
  expect(parseWatches(told)).toEqual([
    { inode: 20, device: 41 },
    { inode: 0x1f04a2, device: 8 * 2 ** 20 + 1 },
  ]);
});

test('overlays are known by their devices', () => {
  const mountinfo = `103 47 0:41 /ct/rootfs / rw,relatime - overlay none rw,lowerdir=/a:/b,upperdir=/c,workdir=/d,uuid=on
104 103 0:51 / /proc rw,relatime - proc proc rw
105 103 8:1 / /my\\040overlay rw,relatime shared:9 - overlay x rw
107 103 0:41 /etc/hosts /hosts rw,relatime - overlay none rw
106 103 8:2 / /data rw - ext4 /dev/overlay rw
`;
  expect([...overlaysIn(mountinfo)]).toEqual([
    [41, ['/', '/hosts']],
    [8 * 2 ** 20 + 1, ['/my overlay']],
  ]);
});
