/** What kind of thing a mount is, from its filesystem type: who holds the data, and may it fail to answer. */
import { z } from 'zod';
import type { MountEntry } from './tools/findmnt.ts';

export const mountCategorySchema = z.enum(['local', 'network', 'memory', 'pseudo', 'bind', 'overlay']);
export type MountCategory = z.infer<typeof mountCategorySchema>;

const pseudo = new Set(
  (
    'proc sysfs cgroup cgroup2 cpuset devpts devtmpfs mqueue debugfs tracefs securityfs pstore bpf configfs fusectl hugetlbfs ' +
    'autofs binfmt_misc efivarfs rpc_pipefs nsfs selinuxfs smackfs resctrl nfsd sockfs pipefs bdev none ' +
    'fuse.gvfsd-fuse fuse.portal fuse.lxcfs'
  ).split(' '),
);
const memory = new Set(['tmpfs', 'ramfs', 'rootfs']);
const network = new Set(
  'nfs nfs4 cifs smb3 smbfs ncpfs ceph glusterfs 9p virtiofs afs lustre beegfs orangefs pvfs2 gpfs coda davfs'.split(
    ' ',
  ),
);
const overlays = new Set(
  'overlay aufs unionfs ecryptfs fuse.fuse-overlayfs fuse.mergerfs fuse.unionfs fuse.bindfs fuse.encfs fuse.gocryptfs'.split(
    ' ',
  ),
);

export type TypeCategory = Exclude<MountCategory, 'bind'>;

export function typeCategory(fstype: string): TypeCategory {
  if (pseudo.has(fstype)) return 'pseudo';
  if (memory.has(fstype)) return 'memory';
  if (overlays.has(fstype)) return 'overlay';
  if (network.has(fstype) || fstype === 'fuse' || fstype.startsWith('fuse.')) return 'network';
  return 'local';
}

/** Whether asking it for its size may block for ever: a server or a user's process has to answer. */
export function mayHang(fstype: string): boolean {
  return network.has(fstype) || fstype.startsWith('fuse');
}

/**
 * The category of each entry, in order. Of several mounts of one filesystem the first that shows its root (of btrfs:
 * the subvolume it was asked for) is the mount, and the others are views of it.
 */
export function mountCategories(entries: readonly MountEntry[]): MountCategory[] {
  const first = new Map<string, number>();
  entries.forEach((entry, index) => {
    const key = viewKey(entry);
    if (!first.has(key) && ownRoot(entry)) first.set(key, index);
  });
  return entries.map((entry, index) => {
    const category = typeCategory(entry.fstype);
    if (category === 'pseudo') return category;
    const own = first.get(viewKey(entry));
    return own === index || (own === undefined && ownRoot(entry)) ? category : 'bind';
  });
}

function ownRoot({ fstype, root, options }: MountEntry): boolean {
  if (root === '/') return true;
  return fstype === 'btrfs' && options.split(',').includes(`subvol=${root}`);
}

/** Of btrfs each subvolume is looked at by itself: they share a device number but not the files. */
function viewKey({ fstype, number, root }: MountEntry): string {
  return fstype === 'btrfs' ? `${number} ${root}` : number;
}
