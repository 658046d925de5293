import { expect, test } from 'vitest';
import { largestShares } from './sizes.ts';

test('what takes the room, the largest first: big files by name, others by where they lie', () => {
  const file = (path: string, bytes: number) => ({ path, bytes, kind: 'file' }) as const;
  const shares = largestShares(
    [
      file('usr/bin/node', 100 << 20),
      file('usr/bin/ls', 150_000),
      file('usr/bin/cat', 50_000),
      file('usr/lib/x86_64-linux-gnu/security/pam_unix.so', 9),
      file('usr/lib/modules/6.1/kernel/drivers/net/ethernet/intel/ice/ice.ko.xz', 600_000),
      file('usr/lib/modules/6.1/kernel/drivers/net/veth.ko.xz', 30_000),
      file('usr/lib/modules/6.1/kernel/fs/xfs/xfs.ko.xz', 700_000),
      file('usr/lib/modules/6.1/modules.dep', 90_000),
      file('usr/lib/lifeboat/node_modules/zod/index.js', 40_000),
      file('usr/lib/lifeboat/dist/src/main.js', 45_000),
      { path: 'bin', bytes: 7, kind: 'link', target: 'usr/bin' },
    ],
    7,
  );
  expect(shares).toEqual([
    { name: 'usr/bin/node', bytes: 100 << 20 },
    { name: 'modules of fs/xfs', bytes: 700_000 },
    { name: 'modules of drivers/net', bytes: 630_000 },
    { name: 'usr/bin', bytes: 200_000 },
    { name: 'modules', bytes: 90_000 },
    { name: 'lifeboat', bytes: 85_000 },
    { name: 'usr/lib/x86_64-linux-gnu/security', bytes: 9 },
  ]);
  expect(largestShares([file('a', 5), file('b', 7), file('c', 2)], 1)).toEqual([
    { name: 'b', bytes: 7 },
    { name: 'others', bytes: 7 },
  ]);
});
