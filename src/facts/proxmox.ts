/** Guests and containers of Proxmox VE, out of the files of its cluster filesystem. */
import type { Asker } from '../host/asker.ts';
import { type Container, dataPaths } from './container.ts';
import type { Guest } from './guest.ts';
import type { Places } from './places.ts';
import { type Contents, contentsBelow } from './reading.ts';

type Settings = ReadonlyMap<string, string>;

/** `key: value` lines up to the first `[snapshot]`: those after it are how it once was. */
export function parseConfig(content: string): Settings {
  const settings = new Map<string, string>();
  for (const line of content.split('\n')) {
    if (line.startsWith('[')) break;
    const [, key, value] = /^(\w+):\s*(.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) settings.set(key, value);
  }
  return settings;
}

interface Storage {
  readonly type: string;
  readonly settings: Settings;
}

/** storage.cfg: `type: name`, and settings that are indented. */
export function parseStorages(content: string): Map<string, Storage> {
  const storages = new Map<string, Storage>();
  let settings = new Map<string, string>();
  for (const line of content.split('\n')) {
    const [, type, name] = /^(\w+):\s*(\S+)/.exec(line) ?? [];
    if (type !== undefined && name !== undefined) {
      settings = new Map();
      storages.set(name, { type, settings });
    }
    const [, key, value] = /^\s+([\w-]+)\s+(.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) settings.set(key, value);
  }
  return storages;
}

/** Where a volume (`local-lvm:vm-100-disk-0`) is on this host; as it is written, where it is on no path of it. */
export function volumePath(volume: string, storages: ReadonlyMap<string, Storage>): string {
  if (volume.startsWith('/')) return volume;
  const colon = volume.indexOf(':');
  const name = volume.slice(colon + 1);
  const storage = storages.get(volume.slice(0, colon));
  const setting = (key: string): string | undefined => storage?.settings.get(key);
  switch (storage?.type ?? 'unknown') {
    case 'lvm':
    case 'lvmthin':
      return setting('vgname') === undefined ? volume : `/dev/${setting('vgname')}/${name}`;
    case 'zfspool': {
      const pool = setting('pool');
      if (pool === undefined) return volume;
      // Of a container it is a filesystem, of a guest a device; a clone's name begins with that of its origin.
      const last = name.replace(/^.*\//, '');
      return last.startsWith('subvol-')
        ? `${setting('mountpoint') ?? `/${pool}`}/${last}`
        : `/dev/zvol/${pool}/${last}`;
    }
    case 'rbd':
      return `rbd:${setting('pool') ?? 'rbd'}/${name}`;
    default: {
      const path = setting('path') ?? (storage !== undefined ? `/mnt/pve/${volume.slice(0, colon)}` : undefined);
      return path === undefined ? volume : `${path}/images/${name}`;
    }
  }
}

const diskKey = /^(?:(?:ide|sata|scsi|virtio|unused)\d+|efidisk0|tpmstate0)$/;
const mountKey = /^(?:rootfs|mp\d+|unused\d+)$/;

function volumesOf(settings: Settings, wanted: RegExp, storages: ReadonlyMap<string, Storage>): string[] {
  return [...settings].flatMap(([key, value]) => {
    const [volume = '', ...options] = value.split(',');
    if (!wanted.test(key) || volume === 'none' || volume === 'cdrom' || options.includes('media=cdrom')) return [];
    return [volumePath(volume.replace(/^(?:file|volume)=/, ''), storages)];
  });
}

const file = /^\/etc\/pve\/local\/(qemu-server|lxc)\/(\d+)\.conf$/;

/** @param running numbers of guests; `undefined` when that is not known */
export function parseProxmox(
  contents: Contents,
  running: ReadonlySet<string> | undefined,
): { guests: Guest[]; containers: Container[] } {
  const storages = parseStorages(contents.get('/etc/pve/storage.cfg') ?? '');
  const guests: Guest[] = [];
  const containers: Container[] = [];
  for (const [path, content] of contents) {
    const [, kind, id] = file.exec(path) ?? [];
    if (kind === undefined || id === undefined) continue;
    const settings = parseConfig(content);
    if (kind === 'lxc') {
      const paths = dataPaths(volumesOf(settings, mountKey, storages));
      containers.push({ manager: 'proxmox', name: settings.get('hostname') ?? `CT${id}`, id, paths });
    } else {
      guests.push({
        manager: 'proxmox',
        name: settings.get('name') ?? `VM${id}`,
        id,
        ...(running === undefined ? {} : { running: running.has(id) }),
        disks: volumesOf(settings, diskKey, storages),
      });
    }
  }
  return { guests, containers };
}

export async function captureProxmox(
  asker: Asker,
  there: Places,
  running: ReadonlySet<string> | undefined,
): Promise<{ guests: Guest[]; containers: Container[] }> {
  if (!there.has('proxmox')) return { guests: [], containers: [] };
  const directories = ['/etc/pve/local/qemu-server/', '/etc/pve/local/lxc/', '/etc/pve/storage.cfg'];
  const tests = ['-maxdepth', '1', '-type', 'f', '(', '-name', '*.conf', '-o', '-name', 'storage.cfg', ')'];
  const contents = await contentsBelow(asker, {
    subject: 'guests',
    find: [...directories, ...tests],
    end: /\.(?:conf|cfg):/,
  });
  return parseProxmox(new Map([...contents].map(([path, text]) => [path.replaceAll('//', '/'), text])), running);
}
