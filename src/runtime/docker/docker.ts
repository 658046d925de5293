/** Docker, through the API of its daemon, which its command line speaks. The daemon is never started: it is asked only where it runs. */
import type { Asker } from '../../host/asker.ts';
import { inParallel } from '../../kernel/parallel.ts';
import { captureLive } from '../live/process.ts';
import { parseSpec } from '../oci/runtime.ts';
import type { Spec } from '../oci/spec.ts';
import type { Found, Runtime } from '../runtime.ts';
import { parseDiff } from './changes.ts';
import { dockerCommand } from './command.ts';
import { describeDocker, dockerState } from './describe.ts';
import { dockerLifecycle } from './lifecycle.ts';
import { inspectSchema, listedSchema, networksSchema } from './schema.ts';

const pidFile = '/run/docker.pid';

/** Where the specification of one that runs is: docker may have a containerd of its own. */
const bundles = [
  '/run/containerd/io.containerd.runtime.v2.task/moby',
  '/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby',
] as const;

export const docker: Runtime = {
  name: 'docker',
  traces: { below: ['/var/lib/docker'], files: ['config.v2.json'] },
  async list(asker) {
    // At its socket systemd may wait to start it.
    const pid = await asker.file(pidFile, (text) => text.trim(), { mayBeAbsent: true });
    if (pid === undefined) {
      asker.gap({
        subject: 'docker',
        problem: 'its daemon does not run, so only the files of its containers are known',
        hint: 'start docker to see them whole',
      });
      return [];
    }
    return (await ask(asker, ['ps', '--all', '--no-trunc', '--format', '{{json .}}'], parseList)) ?? [];
  },
  changes: (asker, id) => ask(asker, ['diff', '--', id], parseDiff),
  async inspect(asker, found) {
    if (found.length === 0) return [];
    const [all, networks] = await Promise.all([
      // It prints those that it knows, and ends with 1 where one is gone.
      ask(asker, ['inspect', '--type', 'container', '--', ...found.map(({ id }) => id)], parseInspected, [0, 1]),
      listNetworks(asker),
    ]);
    return await inParallel(all ?? [], 4, async (one) => {
      const pid = one.State.Pid ?? 0;
      const [spec, live] = await Promise.all([
        pid > 0 ? findSpec(asker, one.Id) : {},
        pid > 0 ? captureLive(asker, pid) : undefined,
      ]);
      return describeDocker(one, spec, live, networks);
    });
  },
  lifecycle: dockerLifecycle,
};

/** @throws Error for what is no list of docker */
export function parseList(stdout: string): Found[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { ID, Names, State } = listedSchema.parse(JSON.parse(line));
      return { id: ID, name: Names.split(',')[0] || ID, state: dockerState(State) };
    });
}

function parseInspected(stdout: string) {
  return inspectSchema.parse(JSON.parse(stdout));
}

function ask<T>(
  asker: Asker,
  args: readonly string[],
  parse: (stdout: string) => T,
  okCodes: readonly number[] = [0],
): Promise<T | undefined> {
  return asker.ask({ argv: dockerCommand(...args), parse, okCodes, subject: `docker ${args[0]}`, timeoutMs: 30_000 });
}

async function listNetworks(asker: Asker) {
  const ids = await ask(asker, ['network', 'ls', '--quiet', '--no-trunc'], (text) => text.split('\n').filter(Boolean));
  if (ids === undefined || ids.length === 0) return [];
  const parse = (text: string) => networksSchema.parse(JSON.parse(text));
  return (await ask(asker, ['network', 'inspect', '--', ...ids], parse, [0, 1])) ?? [];
}

async function findSpec(asker: Asker, id: string): Promise<Spec> {
  for (const place of bundles) {
    const spec = await asker.file(`${place}/${id}/config.json`, parseSpec, { mayBeAbsent: true });
    if (spec !== undefined) return spec;
  }
  return {};
}
