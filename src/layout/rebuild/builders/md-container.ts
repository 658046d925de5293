/** Containers of firmware RAID: what was made of them is known by numbers that the firmware or mdadm(8) chooses. */
import type { ComponentOf } from '../../types.ts';
import { type Builder, device } from '../builder.ts';

export const mdContainerBuilder: Builder<ComponentOf<'md-container'>> = {
  problem: ({ metadata }) =>
    `a RAID of the firmware (${metadata ?? 'of a kind that was not seen'}), whose UUIDs nobody can choose: make it in the setup of the firmware`,
  release: ({ id, device: path }) =>
    path === undefined ? [] : [{ argv: ['mdadm', '--stop', device(id)], okCodes: [0, 1] }],
  path: ({ uuid = '' }) => `/dev/disk/by-id/md-uuid-${uuid.replaceAll('-', '').replaceAll(/.{8}(?!$)/g, '$&:')}`,
  create: () => [],
};
