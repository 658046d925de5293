/** What is mounted below a directory of this machine. */
import { readFileSync } from 'node:fs';
import { nameFromBytes } from '../../kernel/text.ts';

/** Filesystems that hold no files of anybody's, but the kernel's view of itself. */
const pseudo = new Set(
  `autofs binder binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl hugetlbfs mqueue nfsd nsfs
  proc pstore rpc_pipefs securityfs selinuxfs smackfs sysfs tracefs`.split(/\s+/),
);
/** Made anew at every boot, on a tmpfs. */
const volatile = /^(?:dev|run|proc|sys|var\/run)(?:\/|$)/;

export interface Mounts {
  /** Relative to the directory. */
  readonly paths: readonly string[];
  /** Whether something is mounted just there; paths are relative to the directory. */
  has(path: string): boolean;
  /** Why nothing is restored into what is mounted there; `undefined` when it may be. */
  reason(path: string): string | undefined;
}

/** @param directory its real path */
export function mountsBelow(directory: string, mountinfo = readFileSync('/proc/self/mountinfo')): Mounts {
  const top = directory === '/' ? '/' : `${directory}/`;
  const types = new Map<string, string>();
  for (const line of nameFromBytes(mountinfo).split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const point = unescape(before.split(' ')[4] ?? '');
    // Of several on one place the last is on top.
    if (point.startsWith(top) && point !== top) types.set(point.slice(top.length), after.split(' ')[0] ?? '');
  }
  return {
    paths: [...types.keys()],
    has: (path) => types.has(path),
    reason: (path) => {
      const type = types.get(path);
      if (type === undefined) return undefined;
      if (pseudo.has(type)) return `a filesystem of the kernel's own (${type}) is mounted on /${path}`;
      return volatile.test(path) ? `what is on /${path} (${type}) is made anew at every boot` : undefined;
    },
  };
}

/** Space, tab, newline and backslash stand in octal. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
}
