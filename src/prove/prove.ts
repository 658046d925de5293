/** Proves that a recovered machine is what its point says, and that it will start. Changes nothing on it. */
import { realpath } from 'node:fs/promises';
import type { Host } from '../host/host.ts';
import { proveBoot } from './boot/boot.ts';
import { forgetCaches } from './fresh.ts';
import { proveFiles } from './files.ts';
import { proveGraph } from './graph.ts';
import { proveMounts } from './mounts.ts';
import { type Proof, resultOf } from './proof.ts';
import type { Recovery, Tell } from './recovery.ts';
import { sceneOf } from './scene.ts';

/**
 * What is wrong is in the result: nothing that is found ends it.
 *
 * @throws LifeboatError what reading the point throws; of a disk that cannot be synced
 */
export async function proveRecovery(recovery: Recovery, host: Host, tell: Tell, signal: AbortSignal): Promise<Proof> {
  const { point, repository, plan, captured, firmware, changed, leftOut, budgetMs } = recovery;
  const root = await realpath(recovery.root);
  await forgetCaches(root, host, signal);
  tell({ type: 'note', text: 'comparing the storage with its plan' });
  const graph = await proveGraph(plan, host, signal);
  const scene = await sceneOf({ root, layout: graph.layout, captured, firmware }, host, signal);
  const boot = proveBoot(scene, new Map(plan?.disks.map(({ id, from }) => [from, id])));
  const mounts = proveMounts(scene);
  tell({ type: 'note', text: 'comparing every file with the point' });
  const { target, keys, engine } = repository;
  const { entries, bytes, stored } = point.data;
  const job = { target, hostName: point.host.name, pointId: point.id, sealing: keys, stored };
  const files = await proveFiles(
    { entries: () => engine.entries(job, signal), total: { entries, bytes }, root, changed, leftOut, budgetMs },
    tell,
    signal,
  );
  const proof = {
    files,
    graph: [...graph.changes],
    boot: boot.findings,
    mounts: mounts.findings,
    notes: [...boot.notes, ...mounts.notes],
  };
  return { ...proof, result: resultOf(proof) };
}

/** What of a proof goes on record. */
export function countsOf({ files, graph, boot, mounts }: Proof) {
  const { total: entries, checked, bytes, wrong } = files;
  return { entries, files: checked, bytes, wrong, graph: graph.length, boot: boot.length, mounts: mounts.length };
}
