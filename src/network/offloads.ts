/**
 * Offload settings that somebody changed. The kernel keeps what is set and not what a driver started with. So what is
 * recorded is what differs from the usual: everything that can be switched is on, but for `usuallyOff`. A driver with
 * other ideas shows settings here that nobody made; they are true all the same, and the same on the next capture.
 */
import type { Asker } from '../host/asker.ts';
import type { Argv } from '../host/host.ts';
import { subjects } from './subjects.ts';
import type { Link } from './types.ts';

export function featuresArgv(link: string): Argv {
  return ['ethtool', '-k', link];
}

/** ethtool's name for all links at once: from 5.9 on, and where the kernel has ethtool by netlink (5.6). */
const allLinks = '*';

const usuallyOff = new Set([
  'esp-hw-offload',
  'esp-tx-csum-hw-offload',
  'hw-tc-offload',
  'l2-fwd-offload',
  'large-receive-offload',
  'loopback',
  'macsec-hw-offload',
  'ntuple-filters',
  'rx-all',
  'rx-fcs',
  'rx-gro-list',
  'rx-udp-gro-forwarding',
  'rx-vlan-stag-filter',
  'rx-vlan-stag-hw-parse',
  'tls-hw-record',
  'tls-hw-rx-offload',
  'tls-hw-tx-offload',
  'tx-gso-list',
  'tx-nocache-copy',
  'tx-tcp-mangleid-segmentation',
  'tx-vlan-stag-hw-insert',
]);

/** Sums of others that are listed too, and what drivers switch by themselves with promiscuous mode. */
const derived = new Set(['tx-checksumming', 'scatter-gather', 'tcp-segmentation-offload', 'rx-vlan-filter']);

const heading = /^Features for (.*):$/;
const feature = /^\t?([\w-]+): (on|off)(?: \[(fixed|requested on|requested off|not requested)\])?$/;

/** The unusual settings of each link. @throws Error for output without any link */
export function parseFeatures(stdout: string): Map<string, Record<string, boolean>> {
  const links = new Map<string, Record<string, boolean>>();
  let current: Record<string, boolean> | undefined;
  for (const line of stdout.split('\n')) {
    const [, name] = heading.exec(line) ?? [];
    if (name !== undefined) links.set(name, (current = {}));
    const [, key, value, remark] = feature.exec(line) ?? [];
    if (current === undefined || key === undefined || remark === 'fixed' || derived.has(key)) continue;
    // What was asked for, also where something else keeps it from being so at the moment.
    const on = remark?.startsWith('requested') === true ? remark === 'requested on' : value === 'on';
    if (on === usuallyOff.has(key)) current[key] = on;
  }
  if (links.size === 0) throw new Error('no link');
  return links;
}

/** Of cards alone: the features of virtual links follow from what they stand on. */
export async function withOffloads(asker: Asker, quiet: Asker, links: readonly Link[]): Promise<Link[]> {
  const cards = links.filter(
    ({ name, busPath }) => busPath !== undefined && name.isWellFormed() && !name.startsWith('-'),
  );
  if (cards.length === 0) return [...links];
  const found = new Map<string, Record<string, boolean>>();
  const ask = async (by: Asker, name: string) => {
    const answer = await by.ask({ argv: featuresArgv(name), parse: parseFeatures, subject: subjects.offloads });
    for (const [link, settings] of answer ?? []) found.set(link, settings);
    return answer !== undefined;
  };
  const [only] = cards;
  if (cards.length > 1) await ask(quiet, allLinks);
  for (const { name } of cards) {
    // One gap says enough where there is no ethtool.
    if (only !== undefined && !found.has(name) && !(await ask(asker, name))) break;
  }
  return links.map((link) => {
    const offloads = link.busPath === undefined ? undefined : found.get(link.name);
    return offloads === undefined || Object.keys(offloads).length === 0 ? link : { ...link, offloads };
  });
}
