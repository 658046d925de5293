/** Proves that a recovered machine is what its point says, and that it will start. Changes nothing on it. */
import { realpath } from 'node:fs/promises';
import type { Host } from '../host/host.ts';
import { printable } from '../kernel/text.ts';
import { proveBoot } from './boot/boot.ts';
import { forgetCaches, syncAll } from './fresh.ts';
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
  await syncAll(root, host, signal);
  tell({ type: 'note', text: 'comparing the storage with its plan' });
  const graph = await proveGraph(plan, host, signal);
  const scene = await sceneOf({ root, layout: graph.layout, captured, firmware }, host, signal);
  const boot = proveBoot(scene, new Map(plan?.disks.map(({ id, from }) => [from, id])));
  const mounts = proveMounts(scene);
  tell({ type: 'note', text: 'comparing every file with the point' });
  // The last thing that programs are needed for: those of a rescue system are in these caches too.
  await forgetCaches(root, host, signal);
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
  const { total: entries, checked, bytes, wrong, leftOut } = files;
  const faults = { wrong, graph: graph.length, boot: boot.length, mounts: mounts.length };
  return { entries, files: checked, bytes, ...faults, ...(leftOut === 0 ? {} : { leftOut }) };
}

/** Why it failed, in a line; `undefined` where it did not. */
export function problemOf({ files, graph, boot, mounts }: Proof): string | undefined {
  const [missing] = files.missing;
  const [different] = files.different;
  const example = missing === undefined ? `${different?.path}: ${different?.differences[0]}` : `${missing} is missing`;
  const faults = [
    ...(files.wrong === 0
      ? []
      : [`${files.wrong} of ${files.total} entries are not as in the point, such as ${example}`]),
    ...graph.slice(0, 1).map(({ text }) => `the storage is not as planned: ${text}`),
    ...boot.slice(0, 1).map(({ subject, problem }) => `it would not start: ${subject}: ${problem}`),
    ...mounts.slice(0, 1).map(({ subject, problem }) => `it would not mount ${subject}: ${problem}`),
  ];
  return faults.length === 0 ? undefined : printable(faults.join('; '));
}
