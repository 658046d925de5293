/** What a tree of processes has mounted that its host has not, or has elsewhere. */
import { join } from 'node:path/posix';
import { present } from '../../kernel/present.ts';
import type { Mount } from '../model/storage.ts';

interface Line {
  /** `major:minor` */
  readonly device: string;
  /** Which part of the filesystem is seen there. */
  readonly root: string;
  readonly point: string;
  readonly options: readonly string[];
  readonly fstype: string;
}

const line = /^\d+ \d+ (\d+:\d+) (\S+) (\S+) (\S+)(?: \S+)* - (\S+) /gm;

/** Of `/proc/<pid>/mountinfo`. */
export function parseMountinfo(text: string): Line[] {
  return [...text.matchAll(line)].map(([, device = '', root = '', point = '', options = '', fstype = '']) => ({
    device,
    root: unescaped(root),
    point: unescaped(point),
    options: options.split(','),
    fstype,
  }));
}

function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

export interface OwnMounts {
  readonly mounts: Mount[];
  /** Its root, as the host's first process sees it, where that is another than the host's. */
  readonly root?: string;
}

const kernels = new Set([
  'proc',
  'sysfs',
  'devpts',
  'mqueue',
  'cgroup',
  'cgroup2',
  'devtmpfs',
  'securityfs',
  'debugfs',
]);

/**
 * @param own of a process
 * @param hosts of the host's first process
 */
export function ownMounts(own: readonly Line[], hosts: readonly Line[]): OwnMounts {
  const known = new Set(hosts.map(({ device, root, point }) => `${device} ${root} ${point}`));
  const added = own.filter(({ device, root, point }) => !known.has(`${device} ${root} ${point}`));
  const root = added.find(({ point }) => point === '/');
  return {
    mounts: added
      .filter(({ point }) => point !== '/')
      .map((mount): Mount => {
        const { point, fstype, options } = mount;
        const kind = kernels.has(fstype) ? 'system' : fstype === 'tmpfs' ? 'tmpfs' : 'bind';
        return {
          kind,
          destination: point,
          options: [...options],
          ...present({
            source: kind === 'bind' ? onHost(mount, hosts) : undefined,
            readOnly: options.includes('ro') ? true : undefined,
          }),
        };
      }),
    ...present({ root: root && onHost(root, hosts) }),
  };
}

/** Where the host has the same files; `undefined` where it has that filesystem mounted nowhere, or not this part of it. */
function onHost({ device, root }: Line, hosts: readonly Line[]): string | undefined {
  const over = hosts
    .filter(
      (one) => one.device === device && (one.root === '/' || root === one.root || root.startsWith(`${one.root}/`)),
    )
    .sort((a, b) => b.root.length - a.root.length)[0];
  return over === undefined ? undefined : join(over.point, root.slice(over.root === '/' ? 0 : over.root.length));
}
