/** LVM's list of the devices that it looks at: what is not on it does not exist to LVM, the root filesystem included. */
import { disksUnder, type Layers, layersOf } from './layers.ts';
import { type Rewritten, rewriteDeed } from './rewrite.ts';
import type { Subject } from './site.ts';

export const lvmDevicesFile = '/etc/lvm/devices/system.devices';

export const lvmDevices: Subject = {
  name: 'lvm-devices',
  async plan(site, signal) {
    const { scene } = site;
    const captured = layersOf(scene.captured.layout);
    const now = layersOf(scene.layout, scene.root);
    return await rewriteDeed(site, lvmDevicesFile, (content) => lvmDevicesNow(content, captured, now), signal);
  },
};

/**
 * Physical volumes on other disks than they were stand there by path: LVM looks for the volume itself where a path leads to something
 * else, and writes what it then finds.
 */
export function lvmDevicesNow(content: string, captured: Layers, now: Layers): Rewritten {
  const notes: string[] = [];
  const seen = new Set<string>();
  const lines = content.split('\n').map((line) => {
    const id = /\bPVID=(\w+)/.exec(line)?.[1];
    const pv = now.of('pv').find(({ uuid }) => plain(uuid) === id);
    if (id === undefined || pv === undefined) return line;
    seen.add(id);
    // Arrays and encrypted volumes stand there by their own UUIDs, which stay.
    const isPlain = plainCarriers.has(now.get(pv.on[0] ?? '')?.kind ?? '');
    if (!isPlain || sameDisksUnder(pv.id, captured, now)) return line;
    notes.push('a physical volume of LVM is on another disk');
    return entryOf(pv.id, id, now) ?? line;
  });
  const more = now.of('pv').flatMap(({ id, uuid }) => {
    const pvid = plain(uuid);
    return pvid === undefined || seen.has(pvid) ? [] : (entryOf(id, pvid, now) ?? []);
  });
  // An empty list is none to LVM as long as nobody has used it.
  if (seen.size === 0 || (more.length === 0 && notes.length === 0)) return { text: content, notes: [] };
  if (more.length > 0) notes.push('a physical volume of LVM is new');
  // They say for which machine and content the list was written.
  const kept = lines.filter((line) => !/^(# HASH=|PRODUCT_UUID=|HOSTNAME=)/.test(line));
  const text = kept.join('\n');
  const end = text.endsWith('\n') ? '' : '\n';
  return { text: more.length === 0 ? text : `${text}${end}${more.map((line) => `${line}\n`).join('')}`, notes };
}

const plainCarriers: ReadonlySet<string> = new Set(['disk', 'partition', 'multipath']);

const plain = (uuid: string | undefined): string | undefined => uuid?.replaceAll('-', '');

function sameDisksUnder(id: string, captured: Layers, now: Layers): boolean {
  const ids = (layers: Layers): string[] => disksUnder(layers, id).map((disk) => disk.id);
  const was = ids(captured);
  return was.length > 0 && was.toSorted().join('\0') === ids(now).toSorted().join('\0');
}

function entryOf(id: string, pvid: string, now: Layers): string | undefined {
  const on = now.get(now.get(id)?.on[0] ?? '');
  const device = on !== undefined && 'device' in on ? on.device : undefined;
  return device === undefined ? undefined : `IDTYPE=devname IDNAME=${device} DEVNAME=${device} PVID=${pvid}`;
}
