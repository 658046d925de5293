/** Links and their addresses, from `ip -j -d addr`. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import type { Gap } from '../host/gap.ts';
import type { Argv } from '../host/host.ts';
import { present } from '../kernel/present.ts';
import { addressEntry, addressOf } from './addresses.ts';
import { parseIpJson } from './json.ts';
import { type Detail, parseDetail, parsePort, type Port } from './kinds/kinds.ts';
import { subjects } from './subjects.ts';
import { type Link, linkFlags } from './types.ts';

export const linksArgv: Argv = ['ip', '-j', '-d', 'addr', 'show'];

const text = z.string().exactOptional();
const data = z.record(z.string(), z.unknown()).exactOptional();
// iproute2 writes an empty object for what its filter left out.
const empty = z.strictObject({});
const linkEntry = z.object({
  ifindex: z.number().int(),
  ifname: z.string().min(1),
  /** The link that it is a part of, or the other end of a pair. */
  link: z.string().nullable().exactOptional(),
  link_netnsid: z.union([z.number(), z.string()]).exactOptional(),
  link_index: z.number().exactOptional(),
  flags: z.array(z.string()).default([]),
  mtu: z.number().int().default(0),
  master: text,
  operstate: z.string().default('UNKNOWN'),
  group: text,
  txqlen: z.number().exactOptional(),
  link_type: z.string().default('unknown'),
  address: text,
  permaddr: text,
  ifalias: text,
  altnames: z.array(z.string()).exactOptional(),
  inet6_addr_gen_mode: text,
  linkinfo: z
    .object({ info_kind: text, info_data: data, info_slave_kind: text, info_slave_data: data })
    .exactOptional(),
  addr_info: z.array(z.union([addressEntry, empty.transform(() => undefined)])).default([]),
});

type LinkEntry = z.infer<typeof linkEntry>;

const isLink = (entry: LinkEntry | z.infer<typeof empty>): entry is LinkEntry => 'ifname' in entry;

interface Found {
  readonly links: readonly Link[];
  /** Settings that could not be read: the link is there without them. */
  readonly gaps: readonly Gap[];
}

/** @throws Error for output that is not a list of links */
export function parseLinks(stdout: string): Found {
  const entries = z
    .array(z.union([linkEntry, empty]))
    .min(1)
    .parse(parseIpJson(stdout))
    .flatMap((entry): LinkEntry[] => (isLink(entry) ? [entry] : []));
  const gaps: Gap[] = [];
  const attempt = <T>(name: string, parse: () => T): T | undefined => {
    try {
      return parse();
    } catch {
      const problem = 'ip says something about it that lifeboat does not understand';
      gaps.push({
        subject: subjects.settingsOf(name),
        problem,
        hint: 'Please report the version of ip and its output.',
      });
      return undefined;
    }
  };
  const links = entries.map((entry) => {
    const { info_kind, info_data, info_slave_kind, info_slave_data } = entry.linkinfo ?? {};
    const detail =
      info_kind === undefined ? undefined : attempt(entry.ifname, () => parseDetail(info_kind, info_data ?? {}));
    const port =
      info_slave_kind === undefined
        ? undefined
        : attempt(entry.ifname, () => parsePort(info_slave_kind, info_slave_data ?? {}));
    return linkOf(entry, detail, port);
  });
  // There is no network without its loopback link.
  if (links.length === 0) throw new Error('no link');
  return { links: withEdges(links), gaps };
}

const pairs = new Set(['veth', 'netkit', 'vxcan']);

function linkOf(entry: LinkEntry, detail: Detail | undefined, membership: Port | undefined): Link {
  const kind = entry.linkinfo?.info_kind ?? entry.link_type;
  const below = entry.link ?? (detail !== undefined && 'link' in detail ? detail.link : undefined);
  const isPair = pairs.has(kind);
  return {
    name: entry.ifname,
    index: entry.ifindex,
    kind,
    // Of what is no card, some kernels make one up, another each time.
    ...present({
      mac: entry.address,
      permanentMac: entry.linkinfo?.info_kind === undefined ? entry.permaddr : undefined,
    }),
    mtu: entry.mtu,
    state: entry.operstate.toLowerCase(),
    enabled: entry.flags.includes('UP'),
    flags: linkFlags.filter((flag) =>
      flag === 'NOMULTICAST' ? !entry.flags.includes('MULTICAST') : entry.flags.includes(flag),
    ),
    ...present({
      alternativeNames: entry.altnames,
      alias: entry.ifalias,
      group: entry.group === 'default' ? undefined : entry.group,
      txQueueLength: entry.txqlen,
      addressMode: entry.inet6_addr_gen_mode,
      master: entry.master,
      lower: below === undefined || isPair ? undefined : [below],
      peer: isPair ? below : undefined,
      elsewhere: entry.link_netnsid === undefined ? undefined : true,
      detail,
      membership,
    }),
    addresses: entry.addr_info.flatMap((address) => (address === undefined ? [] : addressOf(address, entry.ifname))),
  };
}

/** The members of each master are among what it stands on; an edge to a link that is gone meanwhile is dropped. */
function withEdges(links: readonly Link[]): Link[] {
  const names = new Set(links.map(({ name }) => name));
  const members = Map.groupBy(
    links.filter(({ master }) => master !== undefined),
    ({ master }) => master,
  );
  return links.map(({ lower: below = [], master, peer, ...link }) => {
    const lower = [...below, ...(members.get(link.name) ?? []).map(({ name }) => name)].filter((name) =>
      names.has(name),
    );
    const there = (name: string | undefined) => (name !== undefined && names.has(name) ? name : undefined);
    return {
      ...link,
      ...present({
        master: there(master),
        peer: there(peer),
        lower: lower.length === 0 ? undefined : [...new Set(lower)],
      }),
    };
  });
}

export async function captureLinks(asker: Asker): Promise<Link[]> {
  const found = await asker.ask({ argv: linksArgv, parse: parseLinks, subject: subjects.links });
  for (const gap of found?.gaps ?? []) asker.gap(gap);
  return [...(found?.links ?? [])];
}
