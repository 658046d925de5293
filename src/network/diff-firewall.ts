/** Changes of the rules of the firewall: not those that runtimes add and remove with each container. */
import type { Change } from '../kernel/change.ts';
import { changed, type Unseen } from './compare.ts';
import { subjects } from './subjects.ts';
import type { Firewall } from './types.ts';

/** Each with what its gap is named after. */
const kinds = [
  ['nft', subjects.firewall.nft],
  ['iptables', subjects.firewall.nft],
  ['ip6tables', subjects.firewall.nft],
  ['iptables-legacy', subjects.firewall.iptables],
  ['ip6tables-legacy', subjects.firewall.ip6tables],
] as const;

export function firewallChanges(
  before: readonly Firewall[] | undefined,
  after: readonly Firewall[] | undefined,
  unseen: Unseen,
): Change[] {
  if (before === undefined || after === undefined) return [];
  return kinds.flatMap(([kind, subject]) => {
    if (unseen(subject)) return [];
    const [was, is] = [lasting(kind, before), lasting(kind, after)];
    if (was.join('\n') === is.join('\n')) return [];
    const [gone, come] = [new Set(was).difference(new Set(is)), new Set(is).difference(new Set(was))];
    const policies = [...gone, ...come].some((line) => isPolicy.test(line));
    const example = [...[...gone].map((line) => `- ${line.trim()}`), ...[...come].map((line) => `+ ${line.trim()}`)];
    const what = example.length === 0 ? 'are in another order' : `have changed: ${shortened(example)}`;
    return [changed(`firewall ${kind}`, 'rules', policies ? 'recovery' : 'appearance', `rules of ${kind} ${what}`)];
  });
}

/** What is done with packets that no rule is for: whether the host can be reached at all. */
const isPolicy = /^:\S+ (?:ACCEPT|DROP)|\bpolicy (?:accept|drop);/;
const maxLines = 6;

function shortened(lines: readonly string[]): string {
  const more = lines.length > maxLines ? ` and ${lines.length - maxLines} more` : '';
  return `${lines.slice(0, maxLines).join('; ')}${more}`;
}

const runtimeTable =
  /^table \S+ (?:netavark|docker-bridges|kube-proxy|cilium\S*|calico\S*|f2b-table|crowdsec\S*|libvirt_network|lxd|incus)\b/;
const runtimeChain =
  /(?:^:|^-A |-j |-g |chain |jump |goto )"?(?:DOCKER|CNI-|KUBE-|cali-|cali:|NETAVARK|LIBVIRT_|FLANNEL|f2b-|CILIUM|FORWARD_direct)/;
/** Of a container that is asked through its own published port. */
const hairpin = /^-A POSTROUTING -s (\S+)\/32 -d \1\/32 .*-j MASQUERADE$|ip saddr (\S+) ip daddr \2 .*masquerade$/;

function lasting(kind: string, firewalls: readonly Firewall[]): string[] {
  const rules = firewalls.find((firewall) => firewall.kind === kind)?.rules ?? '';
  if (kind !== 'nft') {
    return rules.split('\n').filter((line) => line !== '' && !runtimeChain.test(line) && !hairpin.test(line));
  }
  const both = new Set(firewalls.map((firewall) => firewall.kind));
  const tables = rules.split(/^(?=table )/m).filter((table) => {
    if (runtimeTable.test(table)) return false;
    // What iptables has in nft is compared in its own words.
    const isOther =
      /^table ip6? (?:filter|nat|mangle|raw|security) \{/.test(table) &&
      /^\tchain (?:INPUT|FORWARD|OUTPUT|PREROUTING|POSTROUTING) \{/m.test(table);
    return !(isOther && both.has(table.startsWith('table ip6 ') ? 'ip6tables' : 'iptables'));
  });
  return tables
    .join('')
    .replace(/^\tchain ([^\n]*)\{\n[\s\S]*?^\t\}$/gm, (chain, name: string) =>
      runtimeChain.test(`chain ${name}`) ? '' : chain,
    )
    .split('\n')
    .filter(
      (line) =>
        line.trim() !== '' &&
        !runtimeChain.test(line.trim()) &&
        !/jump "?(?:DOCKER|CNI-|KUBE-|cali-|NETAVARK|LIBVIRT_|f2b-)/.test(line) &&
        !hairpin.test(line.trim()),
    );
}
