/** Owners that are others where a point is restored: numbers for numbers, in ACLs too. */
import type { Entry } from '../entry.ts';

export type OwnerMap = {
  /** From the id in the point to the one that is restored. */
  readonly users: Readonly<Record<string, number>>;
  readonly groups: Readonly<Record<string, number>>;
};

/** An entry as it is to be restored. */
export function withOwners(entry: Entry, owners: OwnerMap | undefined): Entry {
  if (owners === undefined) return entry;
  const uid = owners.users[entry.uid] ?? entry.uid;
  const gid = owners.groups[entry.gid] ?? entry.gid;
  const xattrs = entry.xattrs && attributesFor(entry.xattrs, owners);
  return { ...entry, uid, gid, ...(xattrs === undefined ? {} : { xattrs }) };
}

function attributesFor(xattrs: Readonly<Record<string, string>>, owners: OwnerMap): Record<string, string> {
  return Object.fromEntries(
    Object.entries(xattrs).map(([name, value]) => {
      if (!name.startsWith('system.posix_acl_')) return [name, value];
      return [name, aclFor(Buffer.from(value, 'base64'), owners).toString('base64')];
    }),
  );
}

const aclHeader = 4;
const aclEntry = 8;
const ACL_USER = 0x02;
const ACL_GROUP = 0x08;

/** As the kernel has it: a version, then tag, permissions and id of each entry. It sorts them by id. */
function aclFor(acl: Buffer, { users, groups }: OwnerMap): Buffer {
  const result = Buffer.from(acl);
  const entries: Buffer[] = [];
  for (let start = aclHeader; start + aclEntry <= acl.length; start += aclEntry) {
    const entry = result.subarray(start, start + aclEntry);
    const tag = entry.readUInt16LE(0);
    const id = entry.readUInt32LE(4);
    if (tag === ACL_USER) entry.writeUInt32LE(users[id] ?? id, 4);
    if (tag === ACL_GROUP) entry.writeUInt32LE(groups[id] ?? id, 4);
    entries.push(entry);
  }
  const sorted = entries.sort((a, b) => a.readUInt16LE(0) - b.readUInt16LE(0) || a.readUInt32LE(4) - b.readUInt32LE(4));
  return Buffer.concat([result.subarray(0, aclHeader), ...sorted]);
}
