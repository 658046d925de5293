/** All containers of a host. */
import { asker, type Asker } from '../host/asker.ts';
import { bounded } from '../host/bounded.ts';
import type { Gap } from '../host/gap.ts';
import type { Host } from '../host/host.ts';
import { type Container, containerFormat, type RuntimeName } from './model/container.ts';
import type { Found, Runtime } from './runtime.ts';
import { runtimes } from './runtimes.ts';

export interface Containers {
  readonly containers: readonly Container[];
  /** What could not be seen. */
  readonly gaps: readonly Gap[];
}

/**
 * Every container that is there, in one model. Changes nothing, and ends within a bounded time: what cannot be seen is a gap.
 *
 * @param only of these runtimes. @default all
 * @throws LifeboatError only what aborted `signal`
 */
export async function captureContainers(
  host: Host,
  now: Date,
  signal: AbortSignal,
  only: readonly RuntimeName[] = Object.values(runtimes).map(({ name }) => name),
): Promise<Containers> {
  const questions = bounded(asker(host, signal), { budgetMs: 120_000 });
  const chosen = Object.values(runtimes).filter(({ name }) => only.includes(name));
  const traces = await findTraces(questions, chosen);
  const lists = await Promise.all(
    chosen.map(async (runtime) => {
      const own = traces.filter((path) => isTraceOf(runtime, path));
      const asked = runtime.traces.below.length === 0 || own.length > 0;
      return { runtime, found: asked ? await runtime.list(questions, own) : [] };
    }),
  );
  const containers: Container[] = [];
  for (const { runtime, found } of firstOnly(lists)) {
    for (const description of await runtime.inspect(questions, found)) {
      containers.push({
        format: containerFormat,
        capturedAt: now.toISOString(),
        runtime: runtime.name,
        ...description,
        gaps: [],
      });
    }
  }
  return { containers, gaps: questions.gaps };
}

interface List {
  readonly runtime: Runtime;
  readonly found: readonly Found[];
}

/** Those that have others run their containers by these ids; elsewhere ids are names that people choose. */
const handsOn: ReadonlySet<string> = new Set(['podman', 'docker', 'containerd']);
const runsForOthers: ReadonlySet<string> = new Set(['runc', 'crun']);

/** Podman has its containers run by crun, and each of them is a tree of processes: it is shown once, by who knows most of it. */
function firstOnly(lists: readonly List[]): List[] {
  const ids = new Set<string>();
  const pids = new Set<number>();
  return lists.map(({ runtime, found }) => {
    const isKnown = ({ id, pid }: Found): boolean =>
      (runsForOthers.has(runtime.name) && ids.has(id)) || (pid !== undefined && pids.has(pid));
    const own = found.filter((one) => !isKnown(one));
    for (const { id, pid } of found) {
      if (handsOn.has(runtime.name)) ids.add(id);
      if (pid !== undefined) pids.add(pid);
    }
    return { runtime, found: own };
  });
}

/** One question for the traces of all of them. */
async function findTraces(questions: Asker, chosen: readonly Runtime[]): Promise<readonly string[]> {
  const below = chosen.flatMap(({ traces }) => traces.below);
  const names = [...new Set(chosen.flatMap(({ traces }) => traces.files))];
  if (below.length === 0) return [];
  const tests = names.flatMap((name, index) => [...(index === 0 ? [] : ['-o']), '-name', name]);
  const found = await questions.ask({
    argv: ['find', ...below, '-maxdepth', '3', '(', ...tests, ')', '-print0'],
    // Most of these directories are missing on most hosts.
    okCodes: [0, 1],
    parse: (stdout) => stdout.split('\0').filter((path) => path !== ''),
    subject: 'containers',
  });
  return found ?? [];
}

function isTraceOf({ traces }: Runtime, path: string): boolean {
  return traces.below.some((place) => path.startsWith(`${place}/`)) && traces.files.includes(path.replace(/^.*\//, ''));
}
