import { expect, test } from 'vitest';
import { ownMounts, parseMountinfo } from './mounts.ts';

const hosts = parseMountinfo(
  [
    '21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw',
    '22 21 0:20 / /proc rw - proc proc rw',
    '23 21 254:1 / /srv rw - xfs /dev/vdb rw',
    '24 21 254:1 /deep/er /mnt/part rw - xfs /dev/vdb rw',
  ].join('\n'),
);

test('what the host has at the same place is none of its own', () => {
  expect(ownMounts(hosts, hosts)).toEqual({ mounts: [] });
});

test('a root of its own, binds by where the host has their files, memory, and what the kernel makes', () => {
  const own = parseMountinfo(
    [
      '90 80 254:0 /var/lib/box / rw,relatime - ext4 /dev/vda rw',
      String.raw`91 90 254:1 /my\040data /data ro,noatime - xfs /dev/vdb rw`,
      '92 90 254:1 /deep/er/x /deep rw - xfs /dev/vdb rw',
      '93 90 0:55 / /tmp rw,nosuid shared:7 master:1 - tmpfs none rw',
      '94 90 0:56 / /proc rw - proc proc rw',
      '95 90 254:9 / /other rw - ext4 /dev/vdz rw',
    ].join('\n'),
  );
  expect(ownMounts(own, hosts)).toEqual({
    root: '/var/lib/box',
    mounts: [
      { kind: 'bind', source: '/srv/my data', destination: '/data', readOnly: true, options: ['ro', 'noatime'] },
      { kind: 'bind', source: '/mnt/part/x', destination: '/deep', options: ['rw'] },
      { kind: 'tmpfs', destination: '/tmp', options: ['rw', 'nosuid'] },
      { kind: 'system', destination: '/proc', options: ['rw'] },
      { kind: 'bind', destination: '/other', options: ['rw'] },
    ],
  });
});
