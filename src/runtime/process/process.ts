/** Trees of processes without a runtime: whatever has its own namespace of process numbers is known by the first process in it. */
import { present } from '../../kernel/present.ts';
import { inParallel } from '../../kernel/parallel.ts';
import type { Asker } from '../../host/asker.ts';
import { contentsOf, parseContents } from '../live/contents.ts';
import { parseStatus, parseWords } from '../live/parse.ts';
import { captureLive } from '../live/process.ts';
import type { Description, Found, Runtime } from '../runtime.ts';
import { ownMounts, parseMountinfo } from './mounts.ts';
import { processLifecycle } from './lifecycle.ts';

export const bareProcess: Runtime = {
  name: 'process',
  lifecycle: processLifecycle,
  // The kernel always has processes.
  traces: { below: [], files: [] },
  async list(asker) {
    const argv = ['find', '/proc', '-mindepth', '2', '-maxdepth', '2', '-path', '/proc/[0-9]*/status'] as const;
    const lines = ['-exec', 'grep', '-aHZsE', '^(Name|State|Pid|NSpid):', '{}', '+'];
    const found = await asker.ask({
      argv: [...argv, ...lines],
      // Processes end while they are looked at.
      okCodes: [0, 1],
      parse: parseRoots,
      subject: 'processes',
    });
    return found ?? [];
  },
  inspect: async (asker, found) =>
    (await inParallel(found, 4, (one) => inspect(asker, one))).flatMap((one) => one ?? []),
};

/** Those that are number 1 in a namespace below ours. */
export function parseRoots(stdout: string): Found[] {
  return [...parseContents(stdout).values()].flatMap((content): Found[] => {
    const status = parseStatus(content);
    const numbers = (status.get('NSpid') ?? '').split(/\s+/);
    const pid = status.get('Pid');
    const state = status.get('State') ?? '';
    if (pid === undefined || numbers.length < 2 || numbers.at(-1) !== '1' || state.startsWith('Z')) return [];
    return [{ id: pid, name: `${status.get('Name') ?? 'process'}-${pid}`, state: 'running', pid: Number(pid) }];
  });
}

async function inspect(asker: Asker, { id, name, state }: Found): Promise<Description | undefined> {
  const pid = Number(id);
  const subject = `process ${pid}`;
  const own = (file: string): string => `/proc/${pid}/${file}`;
  const [live, contents] = await Promise.all([
    captureLive(asker, pid),
    contentsOf(asker, subject, [...['cmdline', 'environ', 'oom_score_adj', 'mountinfo'].map(own), '/proc/1/mountinfo']),
  ]);
  if (live === undefined) return undefined;
  const read = (file: string): string => contents.get(own(file)) ?? '';
  const [uid] = (live.status.get('Uid') ?? '').split(/\s+/);
  const [gid] = (live.status.get('Gid') ?? '').split(/\s+/);
  const { mounts, root } = ownMounts(
    parseMountinfo(read('mountinfo')),
    parseMountinfo(contents.get('/proc/1/mountinfo') ?? ''),
  );
  const net = live.namespaces.find(({ type }) => type === 'net');
  return {
    id,
    name,
    state,
    pid,
    mounts,
    process: {
      args: parseWords(read('cmdline')),
      env: parseWords(read('environ')),
      rlimits: live.rlimits,
      ...present({
        uid: uid ? Number(uid) : undefined,
        gid: gid ? Number(gid) : undefined,
        oomScoreAdj: /^-?\d+$/.test(read('oom_score_adj')) ? Number(read('oom_score_adj')) : undefined,
      }),
    },
    security: live.security,
    namespaces: [...live.namespaces],
    networks: net === undefined ? [] : [{ kind: net.from === 'host' ? 'host' : 'other' }],
    ports: [],
    labels: {},
    annotations: {},
    definedBy: [],
    ...present({
      startedAt: live.startedAt,
      userIds: live.userIds,
      groupIds: live.groupIds,
      cgroup: live.cgroup,
      limits: live.limits,
      numa: live.numa,
      rootfs: root === undefined ? undefined : { path: root },
    }),
  };
}
