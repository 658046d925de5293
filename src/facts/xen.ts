/** Guests of Xen's xl, out of /etc/xen. */
import type { Asker } from '../host/asker.ts';
import type { Guest } from './guest.ts';
import { type Places, places } from './places.ts';
import { type Contents, contentsBelow } from './reading.ts';

/** xl-disk-configuration(5): in the old form the path is first, in the new one anywhere as `target=`. */
export function parseXenDisk(text: string): string | undefined {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.some((part) => /^(?:devtype=cdrom|cdrom)$/.test(part) || part.endsWith(':cdrom'))) return undefined;
  // A target says that it is the last: it may hold commas.
  const target = /(?:^|,)\s*target=(.*)$/.exec(text)?.[1];
  const path = (target ?? parts[0] ?? '').replace(
    /^(?:phy|file|tap2?|aio|raw|qcow2?|vhd):(?:(?:aio|raw|qcow2?|vhd):)?/,
    '',
  );
  if (path === '' || path.includes('=')) return undefined;
  // "phy:vg/disk" means below /dev.
  return path.startsWith('/') || !text.startsWith('phy:') ? path : `/dev/${path}`;
}

/** A name and a list of disks are what makes a file there the definition of a guest. */
export function parseXen(contents: Contents): Guest[] {
  return [...contents].flatMap(([path, content]): Guest[] => {
    const name = /^\s*name\s*=\s*["']([^"'\n]+)["']/m.exec(content)?.[1];
    if (name === undefined || !path.startsWith('/etc/xen/')) return [];
    const id = /^\s*uuid\s*=\s*["']([^"'\n]+)["']/m.exec(content)?.[1];
    const list = /^\s*disk\s*=\s*\[([\s\S]*?)\]/m.exec(content)?.[1] ?? '';
    const disks = [...list.matchAll(/"([^"]*)"|'([^']*)'/g)].flatMap(
      ([, double, single]) => parseXenDisk(double ?? single ?? '') ?? [],
    );
    return [{ manager: 'xen', name, ...(id === undefined ? {} : { id }), disks }];
  });
}

export async function captureXen(asker: Asker, there: Places): Promise<Guest[]> {
  if (!there.has('xen')) return [];
  const find = [places.xen, '-maxdepth', '1', '-type', 'f', '-name', '*.cfg'];
  const contents = await contentsBelow(asker, { subject: 'guests', find, pattern: '^[^#]', end: /\.cfg:/ });
  return parseXen(contents);
}
