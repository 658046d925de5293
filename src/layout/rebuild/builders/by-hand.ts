/** What two hosts have, or no tool can make as it was: it is let go of where its disks are needed, and never made. */
import type { ComponentOf } from '../../types.ts';
import { type Builder, command } from '../builder.ts';

export const drbdBuilder: Builder<ComponentOf<'drbd'>> = {
  problem: () =>
    'another host has it, too: make its metadata with drbdadm create-md, and let one be synchronised from the other',
  release: ({ resource, device }) =>
    resource === undefined || device === undefined
      ? []
      : [{ ...command('drbdsetup', 'down', resource), okCodes: [0, 10] }],
  path: ({ geometry }) => `/dev/drbd${geometry?.minor ?? ''}`,
  create: () => [],
};

export const zpoolBuilder: Builder<ComponentOf<'zpool'>> = {
  problem: () =>
    'ZFS makes pools and datasets with other identities: make it with zpool create and zfs create, as it is told here',
  release: ({ name, state }) =>
    name === undefined || state === 'not imported' ? [] : [{ ...command('zpool', 'export', name), okCodes: [0, 1] }],
  create: () => [],
};

export const zfsBuilder: Builder<ComponentOf<'zfs'>> = {
  // Its pool tells.
  path: ({ name }) => `/dev/zvol/${name}`,
  create: () => [],
};
