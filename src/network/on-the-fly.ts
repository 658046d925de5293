/** Links that programs make and remove by themselves while the host runs: no part of how it is configured. */
import type { Link } from './types.ts';

const pairs = new Set(['veth', 'netkit', 'vxcan']);

/**
 * By the names that programs give their links: container runtimes and their networks (veth, cali, lxc, cilium, flannel), virtual
 * machines (vnet, and the tap, fwbr, fwpr, fwln of Proxmox), OpenStack and VPN daemons.
 */
const madeNames =
  /^(?:veth[0-9a-f]{7,8}|cali[0-9a-f]{11}|lxc[0-9a-f]{12}|lxc_health|vnet\d+|tap\d+i\d+|fw(?:br|pr|ln)\d+[io]\d+|veth\d+i\d+|(?:tap|qbr|qvb|qvo)[0-9a-f]{8}-[0-9a-f]{2})$/;

/** One end of a pair whose other end is in a container, the link of a program that runs, or named as such links are. */
export function isOnTheFly({ name, kind, elsewhere, detail }: Link): boolean {
  if (pairs.has(kind) && elsewhere === true) return true;
  if (kind === 'ppp' || (detail?.kind === 'tun' && detail.persist === false)) return true;
  return kind !== 'ether' && madeNames.test(name);
}

/** Bridges and tunnels that a runtime makes when it starts, out of settings of its own. */
const runtimeNames =
  /^(?:docker0|docker_gwbridge|br-[0-9a-f]{12}|podman\d+|cni\d+|cni-podman\d+|lxcbr\d+|lxdbr\d+|incusbr\d+|virbr\d+(?:-nic)?|flannel[.-].*|vxlan\.calico|tunl0|kube-ipvs0|kube-bridge|nodelocaldns|cilium_.*|weave|tailscale\d+)$/;

/** A link that its runtime makes again: that it is another matters to nobody who recovers the host. */
export function isOfRuntime({ name, kind }: Link): boolean {
  return kind !== 'ether' && runtimeNames.test(name);
}

/** Namespaces that runtimes make for containers. */
export function isMadeNamespace(name: string): boolean {
  return /^(?:cni|netns|cnitest|k8s|crio)-[0-9a-f-]{8,}$|^[0-9a-f]{12,}$/.test(name);
}
