/** Which colour a component has. */
import type { Component } from '../types.ts';
import { isContent, isFilesystem } from './facts.ts';
import type { Graph } from './graph.ts';
import type { Look } from './palette.ts';

/** EFI system, extended boot, BIOS boot, PReP; of an MBR EFI and extended boot. */
const bootTypes = new Set([
  'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
  'bc13c2ff-59e6-4262-a352-b275fd6f7172',
  '21686148-6449-6e6f-744e-656564454649',
  '9e1a2d38-c612-4316-aa26-8b49521e5a8b',
  '0xef',
  '0xea',
]);

const kindLooks: ReadonlyMap<string, Look> = new Map([
  ['ext', 'ext'],
  ['xfs', 'xfs'],
  ['btrfs', 'btrfs'],
  ['swap', 'swap'],
  ['boot', 'boot'],
  ['loader', 'boot'],
]);

/** What the tools call a device, or a kind its components, that is there only to carry others. */
const carriers =
  /_member$|^(crypto_|crypt|luks|raid|md|lvm|lv$|vg$|pv$|volume|linear|thin|mpath|multipath|bcache|drbd|vdo|dm)/i;

/** Of a partition or device with all that lies on it: what is at the bottom decides, as it fills the room. */
export function lookOf(graph: Graph, component: Component): Look {
  if (component.kind === 'partition' && bootTypes.has(component.typeId?.toLowerCase() ?? '')) return 'boot';
  const content = contentOf(graph, component);
  if (content !== undefined) return startsHost(graph, content) ? 'boot' : ownLook(content);
  // A member without a name of its own, as of btrfs, is what it is a member of.
  const [stack] = isContent(component) ? [] : graph.stacksOn(component);
  const joint = stack?.members[0];
  if (joint !== undefined && (isContent(joint) || component.kind !== 'unknown')) return ownLook(joint);
  return startsHost(graph, component) ? 'boot' : ownLook(component);
}

/** The one thing that fills it. */
export function contentOf(graph: Graph, component: Component): Component | undefined {
  const contents = graph.above(component).filter(isContent);
  return contents.length === 1 ? contents[0] : undefined;
}

function startsHost(graph: Graph, content: Component): boolean {
  return graph.above(content).some((one) => one.kind === 'mount' && /^\/(boot|efi)(\/|$)/.test(one.path));
}

function ownLook(component: Component): Look {
  const known = kindLooks.get(component.kind);
  if (known !== undefined) return known;
  if (isFilesystem(component)) return 'files';
  const name = component.kind === 'unknown' ? component.rawType : component.kind;
  return carriers.test(name) ? 'carrier' : 'other';
}
