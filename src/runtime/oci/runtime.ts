/** What runc and crun have in common: a directory of states, `list -f json`, and a bundle with a specification. */
import { dirname, join } from 'node:path/posix';
import { z } from 'zod';
import type { Asker } from '../../host/asker.ts';
import { inParallel } from '../../kernel/parallel.ts';
import { present } from '../../kernel/present.ts';
import { captureLive } from '../live/process.ts';
import type { State } from '../model/container.ts';
import type { Description, Found, Runtime } from '../runtime.ts';
import { describe } from './describe.ts';
import { ociLifecycle } from './lifecycle.ts';
import { type Spec, specSchema } from './spec.ts';

const listSchema = z
  .array(
    z.object({
      id: z.string(),
      /** 0 where it does not run. */
      pid: z.number().nullish(),
      status: z.string(),
      bundle: z.string().nullish(),
      created: z.string().nullish(),
      owner: z.string().nullish(),
    }),
  )
  // An empty list.
  .nullable();

const stateOf: Readonly<Record<string, State>> = {
  creating: 'created',
  created: 'created',
  running: 'running',
  paused: 'paused',
  stopped: 'exited',
};

/** @throws Error for what is no list */
export function parseList(stdout: string): Found[] {
  return (listSchema.parse(JSON.parse(stdout)) ?? []).map(({ id, pid, status, bundle, created, owner }) => ({
    id,
    name: id,
    state: stateOf[status] ?? 'unknown',
    ...present({
      pid: pid !== null && pid !== undefined && pid > 0 ? pid : undefined,
      bundle: bundle || undefined,
      createdAt: timeOf(created),
      owner: owner || undefined,
    }),
  }));
}

function timeOf(text: string | null | undefined): string | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) || ms <= 0 ? undefined : new Date(ms).toISOString();
}

/** @throws Error for what is no specification */
export function parseSpec(content: string): Spec {
  return specSchema.parse(JSON.parse(content));
}

/** @param file in the directory of each container's state */
export function ociRuntime(name: 'runc' | 'crun', below: readonly string[], file: string): Runtime {
  return {
    name,
    traces: { below, files: [file] },
    async list(asker, traces) {
      // A path of a state is <root>/<id>/<file>; daemons keep roots of their own.
      const roots = [...new Set(traces.map((path) => dirname(dirname(path))))].sort();
      const lists = await inParallel(roots, 4, (root) =>
        asker.ask({
          argv: [name, '--root', root, 'list', '-f', 'json'],
          parse: parseList,
          subject: `${name} in ${root}`,
        }),
      );
      return lists.flatMap((list) => list ?? []);
    },
    inspect: (asker, found) => inParallel(found, 4, (one) => inspect(asker, one)),
    lifecycle: ociLifecycle(name),
  };
}

async function inspect(asker: Asker, found: Found): Promise<Description> {
  const { bundle, pid } = found;
  const [spec, live] = await Promise.all([
    bundle === undefined ? undefined : asker.file(join(bundle, 'config.json'), parseSpec),
    pid === undefined ? undefined : captureLive(asker, pid),
  ]);
  return describe(found, spec ?? {}, live);
}
