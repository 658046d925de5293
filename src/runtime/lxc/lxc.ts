/** LXC: a directory with a configuration for each container, and `lxc-info` for what runs. */
import { dirname } from 'node:path/posix';
import type { Asker } from '../../host/asker.ts';
import { inParallel } from '../../kernel/parallel.ts';
import { present } from '../../kernel/present.ts';
import { captureLive, type Live } from '../live/process.ts';
import type { Description, Found, Runtime } from '../runtime.ts';
import { idMapOf, last, limitsOf, mountsOf, networksOf, parseConfig, rootfsOf } from './config.ts';
import { lxcLifecycle } from './lifecycle.ts';
import { parseInfo, place } from './place.ts';

const configFile = /^\/var\/lib\/lxc\/([^/]+)\/config$/;

export const lxc: Runtime = {
  name: 'lxc',
  traces: { below: [place], files: ['config'] },
  async list(asker, traces) {
    const names = traces.flatMap((path) => configFile.exec(path)?.[1] ?? []).sort();
    const found = await inParallel(names, 4, async (name) => {
      const info = await asker.ask({
        argv: ['lxc-info', '--lxcpath', place, '--name', name, '--state', '--pid'],
        parse: parseInfo,
        subject: `lxc ${name}`,
      });
      return info === undefined ? [] : [{ id: name, name, bundle: `${place}/${name}`, ...info }];
    });
    return found.flat();
  },
  async inspect(asker, found) {
    const all = await inParallel(found, 4, (one) => inspect(asker, one));
    return all.flatMap((one) => one ?? []);
  },
  lifecycle: lxcLifecycle,
};

async function inspect(asker: Asker, found: Found): Promise<Description | undefined> {
  const { bundle = `${place}/${found.name}`, pid } = found;
  const file = `${bundle}/config`;
  const [settings, live] = await Promise.all([
    asker.file(file, parseConfig, { mayBeAbsent: true }),
    pid === undefined ? undefined : captureLive(asker, pid),
  ]);
  if (settings === undefined) return undefined;
  // Those of its own package are what every container has.
  const included = (settings.get('lxc.include') ?? []).filter((path) => !path.startsWith('/usr/share/lxc/'));
  for (const path of included)
    asker.gap({ subject: file, problem: `it includes ${path}, of which nothing is known here` });
  return describe(found, settings, file, live);
}

function describe(
  { id, name, state, pid }: Found,
  settings: ReadonlyMap<string, readonly string[]>,
  file: string,
  live: Live | undefined,
): Description {
  const env = settings.get('lxc.environment');
  const autostart = last(settings, 'lxc.start.auto');
  const { namespaces = [], rlimits, security = {} } = live ?? {};
  return {
    id,
    name,
    state,
    mounts: mountsOf(settings),
    storage: [dirname(file)],
    process: {
      args: (last(settings, 'lxc.execute.cmd') ?? last(settings, 'lxc.init.cmd') ?? '/sbin/init').split(/\s+/),
      ...present({
        env: env === undefined ? undefined : [...env],
        hostname: last(settings, 'lxc.uts.name'),
        rlimits,
      }),
    },
    security: { ...security, ...present({ apparmor: security.apparmor ?? last(settings, 'lxc.apparmor.profile') }) },
    namespaces: [...namespaces],
    networks: networksOf(settings),
    ports: [],
    labels: {},
    annotations: autostart === undefined ? {} : { 'lxc.start.auto': autostart },
    definedBy: [{ kind: 'bundle', paths: [file] }],
    ...present({
      pid,
      startedAt: live?.startedAt,
      rootfs: rootfsOf(settings),
      userIds: live?.userIds ?? idMapOf(settings, 'u'),
      groupIds: live?.groupIds ?? idMapOf(settings, 'g'),
      cgroup: live?.cgroup,
      definedLimits: limitsOf(settings),
      limits: live?.limits,
      numa: live?.numa,
    }),
  };
}
