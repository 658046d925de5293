/** A running container as the kernel has it, whatever its runtime says: by its first process. */
import type { Asker } from '../../host/asker.ts';
import { present } from '../../kernel/present.ts';
import type { IdMap, Namespace } from '../model/container.ts';
import type { Limits } from '../model/limits.ts';
import type { Rlimit, Security } from '../model/process.ts';
import { captureLimits, cgroupPath, parseCgroupMounts } from './cgroups.ts';
import { contentsOf } from './contents.ts';
import { parseCapabilities, parseIdMap, parseNamespaces, parseRlimits, parseStart, parseStatus } from './parse.ts';

export interface Live {
  readonly status: ReadonlyMap<string, string>;
  readonly startedAt?: string;
  readonly namespaces: readonly Namespace[];
  readonly userIds?: IdMap[];
  readonly groupIds?: IdMap[];
  readonly rlimits: Rlimit[];
  readonly security: Security;
  readonly cgroup?: string;
  readonly limits?: Limits;
  readonly numa?: { readonly cpus?: string; readonly nodes?: string };
}

/** `undefined` where it has ended meanwhile. */
export async function captureLive(asker: Asker, pid: number): Promise<Live | undefined> {
  const own = (name: string): string => `/proc/${pid}/${name}`;
  const files = ['status', 'stat', 'cgroup', 'limits', 'uid_map', 'gid_map', 'attr/current'];
  const subject = `process ${pid}`;
  const [contents, system, links] = await Promise.all([
    contentsOf(asker, subject, files.map(own)),
    contentsOf(asker, 'the kernel', ['/proc/stat', '/proc/self/mountinfo'], '^btime | - cgroup'),
    asker.ask({
      argv: ['find', own('ns'), '/proc/1/ns', '-maxdepth', '1', '-type', 'l', '-printf', '%p %l\\n'],
      okCodes: [0, 1],
      parse: (stdout) => stdout,
      subject: `namespaces of ${subject}`,
    }),
  ]);
  const read = (name: string): string => contents.get(own(name)) ?? '';
  const status = parseStatus(read('status'));
  if (status.size === 0) return undefined;
  const start = parseStart(read('stat'), system.get('/proc/stat') ?? '');
  const limits = await captureLimits(
    asker,
    read('cgroup'),
    parseCgroupMounts(system.get('/proc/self/mountinfo') ?? ''),
  );
  return {
    status,
    namespaces: parseNamespaces(links ?? '', pid),
    rlimits: parseRlimits(read('limits')),
    security: securityOf(status, read('attr/current')),
    numa: present({ cpus: status.get('Cpus_allowed_list'), nodes: status.get('Mems_allowed_list') }),
    ...present({
      startedAt: start === undefined ? undefined : new Date(start).toISOString(),
      userIds: parseIdMap(read('uid_map')),
      groupIds: parseIdMap(read('gid_map')),
      cgroup: cgroupPath(read('cgroup')),
      limits,
    }),
  };
}

/** @param label of AppArmor (`name (enforce)`, `unconfined`) or SELinux (`user:role:type:level`) */
function securityOf(status: ReadonlyMap<string, string>, label: string): Security {
  const text = label.replaceAll('\0', '').trim();
  const mode = { '0': 'unconfined', '1': 'strict', '2': 'filter' }[status.get('Seccomp') ?? ''];
  return {
    capabilities: parseCapabilities(status),
    ...present({
      noNewPrivileges: status.get('NoNewPrivs') === '1' ? true : undefined,
      seccomp: mode === undefined ? undefined : { profile: mode },
      apparmor: text === '' || text.includes(':') ? undefined : text.replace(/ \(.*\)$/, ''),
      selinux: text.includes(':') ? { process: text } : undefined,
    }),
  };
}
