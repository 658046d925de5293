/** What a recovered system would mount, against what is mounted: each line of its fstab by itself. */
import type { FstabEntry } from '../layout/tools/fstab.ts';
import { hasOption, type Mount, type Scene } from './scene.ts';
import type { Verdict } from './verdict.ts';

/** Types that are of no device. */
const deviceless: ReadonlySet<string> = new Set(
  'proc sysfs devpts devtmpfs tmpfs ramfs debugfs tracefs cgroup cgroup2 securityfs efivarfs configfs bpf fusectl hugetlbfs mqueue overlay none'.split(
    ' ',
  ),
);
const network = /^(nfs\d?|cifs|smb3?|ceph|glusterfs|9p|virtiofs|sshfs|fuse(\..*)?|davfs|afs|lustre)$/;

export function proveMounts(scene: Scene): Verdict {
  const verdict: Verdict = { findings: [], notes: [] };
  for (const line of scene.badLines)
    verdict.notes.push(`${line} cannot be read, and is passed over by the system as well`);
  let right = 0;
  for (const entry of scene.fstab) {
    const problem = problemOf(entry, scene);
    const subject = `${entry.path === 'none' ? entry.type : entry.path} (${entry.spec})`;
    if (problem === undefined) right++;
    else if ('later' in problem) verdict.notes.push(`${subject}: ${problem.later}`);
    else if (isOptional(entry)) verdict.notes.push(`${subject}: ${problem.wrong}; the system starts without it`);
    else if (problem.before === true)
      verdict.notes.push(`${subject}: ${problem.wrong}, as it was when the point was made`);
    else verdict.findings.push({ subject, problem: problem.wrong });
  }
  if (right > 0) verdict.notes.push(`${right} lines of fstab mount what they should`);
  const root = scene.mounts.find(({ path }) => path === '/');
  if (root === undefined)
    verdict.findings.push({ subject: '/', problem: 'nothing is mounted where the system should be' });
  return verdict;
}

type Problem =
  | { readonly wrong: string; readonly before?: boolean }
  /** It cannot be tried here. */
  | { readonly later: string };

function problemOf(entry: FstabEntry, scene: Scene): Problem | undefined {
  const { spec, path, type, options } = entry;
  if (type === 'swap') return swapProblem(entry, scene);
  if (!path.startsWith('/') || type === 'ignore' || (deviceless.has(type) && !hasOption(options, 'bind', 'rbind')))
    return undefined;
  const place = scene.inside.stat(path);
  if (hasOption(options, 'bind', 'rbind')) {
    if (scene.inside.stat(spec) === undefined) return { wrong: 'what it shows at another place is not there' };
    return place === undefined ? { wrong: 'the directory to mount it on is not there' } : undefined;
  }
  if (network.test(type)) return { later: 'a network filesystem: it cannot be tried here' };
  const mount = scene.mounts.find((one) => one.path === path);
  const meant = scene.devices.meant(spec);
  if (meant.length === 0 && spec.startsWith('/') && !spec.startsWith('/dev/'))
    return scene.inside.stat(spec) === undefined ? { wrong: 'its image is not there' } : undefined;
  if (meant.length === 0) return { wrong: 'there is no such device', before: scene.before.meant(spec).length === 0 };
  if (hasOption(options, 'noauto', 'x-systemd.automount')) return undefined;
  if (mount === undefined) return { wrong: 'it is not mounted' };
  return shownProblem(entry, mount, scene);
}

/** Whether what is mounted is what the line says. */
function shownProblem({ spec, type, options }: FstabEntry, mount: Mount, scene: Scene): Problem | undefined {
  const [shown = ''] = mount.on;
  if (!scene.devices.leadsTo(spec, shown)) return { wrong: `what is mounted there is another: ${mount.source}` };
  const isType = type === 'auto' || type === mount.fstype || type.split(',').includes(mount.fstype);
  if (!isType && !(type === 'msdos' && mount.fstype === 'vfat'))
    return { wrong: `it says ${type}, and what is there is ${mount.fstype}` };
  const subvolume = scene.devices.get(shown);
  if (subvolume?.kind !== 'subvolume') return undefined;
  const value = (name: string) =>
    options
      .split(',')
      .find((option) => option.startsWith(`${name}=`))
      ?.slice(name.length + 1);
  const [path, number] = [value('subvol')?.replace(/^\/+|\/+$/g, ''), value('subvolid')];
  if (path !== undefined && path !== subvolume.path && `/${path}` !== mount.root)
    return { wrong: `it asks for the subvolume ${path}, and ${subvolume.path} is mounted` };
  if (number !== undefined && Number(number) !== 0 && Number(number) !== subvolume.number)
    return {
      wrong: `it asks for the subvolume of the number ${number}, and ${subvolume.path} has ${subvolume.number}`,
    };
  return undefined;
}

function swapProblem({ spec }: FstabEntry, scene: Scene): Problem | undefined {
  if (spec.startsWith('/') && !spec.startsWith('/dev/')) {
    const head = scene.inside.head(spec, 65536);
    if (head === undefined) return { wrong: 'there is no such file' };
    // At the end of the first page, whichever size that has.
    const isSwap = [4096, 8192, 16384, 65536].some((page) => head.toString('latin1', page - 10, page) === 'SWAPSPACE2');
    return isSwap ? undefined : { wrong: 'it is no swap file' };
  }
  const swaps = scene.devices.layout.components.filter(({ kind }) => kind === 'swap');
  if (swaps.some(({ id }) => scene.devices.leadsTo(spec, id))) return undefined;
  const isThere = scene.devices.meant(spec).length > 0;
  // Made anew with a key of its own at every start.
  const isOpened = scene.crypttab.some(
    ({ name, options }) => spec === `/dev/mapper/${name}` && options.some(([option]) => option === 'swap'),
  );
  if (isOpened || /^\/dev\/zram\d+$/.test(spec)) return undefined;
  return isThere
    ? { wrong: 'there is no swap on it' }
    : { wrong: 'there is no such device', before: scene.before.meant(spec).length === 0 };
}

function isOptional({ options }: FstabEntry): boolean {
  return hasOption(options, 'noauto', 'nofail', 'x-systemd.automount');
}
