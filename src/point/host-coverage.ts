/** Coverage of all that a host has: its disks and directories, its guests, its containers. */
import type { Facts } from '../facts/types.ts';
import type { Host } from '../host/host.ts';
import type { Layout } from '../layout/types.ts';
import type { CapturedContainers } from './containers.ts';
import { containerCoverage, containerPlaces } from './container-coverage.ts';
import { coverage, type CoverageItem } from './coverage.ts';
import type { Selection } from './judge.ts';
import { locate, locateWorkloads } from './workloads.ts';

export interface Workloads {
  readonly facts: Pick<Facts, 'guests' | 'containers'>;
  readonly containers: Pick<CapturedContainers, 'containers' | 'images'>;
}

/** @throws LifeboatError only what aborted `signal` */
export async function coverageWith(
  layout: Layout,
  selection: Selection,
  { facts, containers }: Workloads,
  host: Host,
  signal: AbortSignal,
): Promise<CoverageItem[]> {
  const [workloads, located] = await Promise.all([
    locateWorkloads(notAsked(facts, containers), host, signal),
    locate(containerPlaces(containers), host, signal),
  ]);
  return [...coverage(layout, selection, workloads), ...containerCoverage(layout, selection, containers, located)];
}

/** Of what the files of managers say, containers of which a runtime has told more are judged by that. */
function notAsked(facts: Workloads['facts'], { containers }: Workloads['containers']): Workloads['facts'] {
  if (facts.containers === undefined) return facts;
  const known = new Set(containers.flatMap(({ runtime, id, name }) => [`${runtime} ${id}`, `${runtime} ${name}`]));
  const isKnown = ({ manager, id, name, user }: NonNullable<Facts['containers']>[number]): boolean =>
    user === undefined && (known.has(`${manager} ${id}`) || known.has(`${manager} ${name}`));
  return { ...facts, containers: facts.containers.filter((container) => !isKnown(container)) };
}
