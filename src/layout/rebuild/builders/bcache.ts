/** Caches of bcache, and devices behind them. The kernel is told of each through sysfs, and takes from there what it writes into their superblocks. */
import type { Command } from '../../../plan/action.ts';
import { formatBytes } from '../../../kernel/units.ts';
import type { ComponentOf } from '../../types.ts';
import { backingSuperblock } from '../../tools/bcache.ts';
import { type Builder, command, device, only, option } from '../builder.ts';

type Bcache = ComponentOf<'bcache'>;
type BcacheSet = ComponentOf<'bcache-set'>;

/** Waits until something is there, or has gone: the kernel lets go when it has done with it. */
const await_ = `
await() {
  for _ in $(seq 600); do if eval "$1"; then return 0; fi; sleep 0.1; done
  echo "waited in vain: $1" >&2
  return 1
}
# The kernel's name of a device.
named() { basename "$(realpath -- "$1")"; }
# A rule of udev may have been first.
register() {
  modprobe bcache
  test -e "/sys/class/block/$(named "$1")/bcache" || echo "$1" > /sys/fs/bcache/register || true
  await "test -e /sys/class/block/$(named "$1")/bcache"
}
`;

const script = (text: string, ...words: Parameters<typeof command>[1][]): Command => ({
  ...command('bash', '-euc', `${await_}${text}`, 'bash', ...words),
  timeoutMs: 10 * 60_000,
});

const stopSet = (uuid: string): Command =>
  script('set=/sys/fs/bcache/$1; test ! -e "$set" || { echo 1 > "$set/stop"; await "test ! -e $set"; }', uuid);

const stopBacking = (at: string): Command =>
  script(
    'own=/sys/class/block/$(named "$1")/bcache; test ! -e "$own" || { echo 1 > "$own/stop"; await "test ! -e $own"; }',
    device(at),
  );

export const bcacheSetBuilder: Builder<BcacheSet> = {
  problem({ uuid, geometry }) {
    if (uuid === undefined || geometry.bucketBytes === undefined)
      return 'its superblock is of a kernel that is not known';
    return geometry.caches === 1 ? undefined : 'it has several caches';
  },
  release: ({ uuid = '' }) => [stopSet(uuid)],
  create(component) {
    const { uuid = '', sizeBytes, geometry } = component;
    const at = device(only(component));
    return [
      {
        title: `make a cache of bcache, ${formatBytes(sizeBytes)}`,
        commands: [
          command(
            'make-bcache',
            '--cache',
            ...option('--bucket', geometry.bucketBytes),
            ...option('--block', geometry.blockBytes),
            ...option('--cset-uuid', uuid),
            `--cache_replacement_policy=${geometry.replacement}`,
            ...(geometry.discard ? ['--discard'] : []),
            at,
          ),
          script('register "$1"; await "test -e /sys/fs/bcache/$2"', at, uuid),
        ],
        again: [stopSet(uuid), command('wipefs', '--all', '--force', '--quiet', at)],
      },
    ];
  },
};

export const bcacheBuilder: Builder<Bcache> = {
  mended(component) {
    const { set, on, ...rest } = component;
    if (set === undefined || on.length > 1) return undefined;
    return { component: { ...rest, on }, note: `its cache ${set} was not there, and it is made without one` };
  },
  problem: ({ uuid, geometry }) =>
    uuid === undefined || geometry === undefined ? 'its superblock could not be read when it was captured' : undefined,
  path: ({ uuid = '' }) => `/dev/bcache/by-uuid/${uuid}`,
  release: ({ on: [at = ''] }) => [stopBacking(at)],
  create({ on: [at = ''], uuid = '', label, set, sizeBytes = 0, geometry }) {
    if (geometry === undefined) return [];
    const { cacheMode, blockBytes, dataOffsetBytes } = geometry;
    const superblock = backingSuperblock({
      uuid,
      blockBytes,
      dataOffsetBytes,
      cacheMode,
      ...(label === undefined ? {} : { label }),
    });
    return [
      {
        title: `make a device of bcache${set === undefined ? '' : ' behind its cache'}, ${formatBytes(sizeBytes)}`,
        commands: [
          {
            argv: ['sh', '-euc', writeSuperblock, 'sh', device(at)],
            stdin: superblock.toString('hex').toUpperCase(),
          },
          script(start, device(at), uuid, set ?? ''),
          command('udevadm', 'settle'),
        ],
        again: [stopBacking(at), command('wipefs', '--all', '--force', '--quiet', device(at))],
      },
    ];
  },
  // Told by what runs, which changes, and by what lies under it.
  compared: ({ state: _state, dirtyBytes: _dirty, ...component }) => component,
};

const writeSuperblock = 'basenc --decode --base16 | dd of="$1" bs=4096 seek=1 conv=nocreat,notrunc,fsync status=none';

/** The link is the one that udev makes where the rules of bcache are there. */
const start = `
register "$1"
own=/sys/class/block/$(named "$1")/bcache
if [ -n "$3" ] && [ ! -e "$own/cache" ]; then
  await "test -e /sys/fs/bcache/$3"
  echo "$3" > "$own/attach"
fi
await "test -e $own/dev"
mkdir -p /dev/bcache/by-uuid
ln -sfn "/dev/$(basename "$(realpath "$own/dev")")" "/dev/bcache/by-uuid/$2"
`;
