import { expect, test } from 'vitest';
import { layoutOf, mount } from '../../test/helpers/small-layout.ts';
import { localHost } from '../host/local.ts';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { checkMounts, mountsToMeet } from './dead-mounts.ts';

const layout = layoutOf(
  mount('/'),
  mount('/home'),
  mount('/home/nas', { fstype: 'nfs4', category: 'network' }),
  mount('/mnt/nas', { fstype: 'nfs', category: 'network' }),
  mount('/mnt/phone', { fstype: 'fuse.sshfs', category: 'network' }),
  mount('/old', { fstype: 'nfs', category: 'network', hidden: true }),
  mount('/fstab', { fstype: 'nfs', category: 'network', mounted: false }),
);

test.each<[string[], string[], string[]]>([
  [['/'], [], ['/mnt/nas', '/mnt/phone']],
  [['/', '/home'], [], ['/home/nas', '/mnt/nas', '/mnt/phone']],
  [['/etc'], [], []],
  [['/mnt/nas/data'], [], ['/mnt/nas']],
  [['/'], ['/mnt/nas', '/mnt/phone/*'], ['/mnt/nas', '/mnt/phone']],
  [['/'], ['/mnt/'], []],
  [['/'], ['m?t'], ['/mnt/nas', '/mnt/phone']],
])('walking %j without %j meets %j', (include, exclude, expected) => {
  expect(mountsToMeet({ include, exclude }, layout)).toEqual(expected);
});

test('the one that does not answer is named; one that is broken is left to the walk', async ({ signal }) => {
  const asked = (code: 'command-timeout' | 'command-failed'): Host => ({
    ...localHost(),
    run: (argv) => Promise.reject(new LifeboatError(argv.includes('/mnt/phone') ? code : 'command-failed', 'x')),
  });
  const walk = { include: ['/'], exclude: [] };
  await expect(checkMounts(asked('command-timeout'), walk, layout, signal)).rejects.toMatchObject({
    code: 'command-timeout',
    message: expect.stringContaining('/mnt/phone does not answer'),
  });
  await checkMounts(asked('command-failed'), walk, layout, signal);
});
