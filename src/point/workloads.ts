import type { Facts } from '../facts/types.ts';
import type { Workload } from './coverage.ts';

/** The guests and containers of a host, with the places that their data is in. */
export function workloadsOf({ guests = [], containers = [] }: Pick<Facts, 'guests' | 'containers'>): Workload[] {
  return [
    ...guests.map(({ name, disks, files = [] }) => ({ kind: 'guest' as const, name, places: [...disks, ...files] })),
    ...containers.map(({ name, paths }) => ({ kind: 'container' as const, name, places: paths })),
  ];
}
