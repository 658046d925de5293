/** The device that a line of fstab means. */
import type { Asker } from '../host/asker.ts';
import type { BlockDevice } from './tools/lsblk.ts';

const tags = {
  uuid: ({ uuid }: BlockDevice) => uuid,
  label: ({ label }: BlockDevice) => label,
  partuuid: ({ partUuid }: BlockDevice) => partUuid,
  partlabel: ({ partName }: BlockDevice) => partName,
} as const;
type Tag = keyof typeof tags;

const isTag = (name: string): name is Tag => Object.hasOwn(tags, name);

/**
 * Finds by tag or path. Of several devices with one tag (members of one btrfs) it gives the first when they hold the
 * same content, and none when the tag says nothing.
 */
export function deviceBySpec(devices: readonly BlockDevice[]): (spec: string) => BlockDevice | undefined {
  const byTag = new Map<string, BlockDevice[]>();
  const byPath = new Map(devices.map((device) => [device.path, device]));
  for (const device of devices) {
    for (const [tag, read] of Object.entries(tags)) {
      const value = read(device);
      if (value === undefined) continue;
      const key = keyOf(tag, value);
      byTag.set(key, [...(byTag.get(key) ?? []), device]);
    }
  }
  return (spec) => {
    const [, tag = '', value] = /^([A-Z]+)=(.*)$/s.exec(spec) ?? [];
    const [, link = '', name] = /^\/dev\/disk\/by-([a-z]+)\/(.*)$/s.exec(spec) ?? [];
    const key =
      value !== undefined && isTag(tag.toLowerCase())
        ? keyOf(tag.toLowerCase(), value.replace(/^"(.*)"$/s, '$1'))
        : name !== undefined && isTag(link)
          ? keyOf(link, unescapeHex(name))
          : undefined;
    if (key === undefined) return byPath.get(spec) ?? byPath.get(mapperPath(spec));
    const [first, ...others] = byTag.get(key) ?? [];
    return others.every(({ uuid }) => uuid !== undefined && uuid === first?.uuid) ? first : undefined;
  };
}

/**
 * The device at a path; one that udev made, such as those by serial number, is followed on the host.
 *
 * @param subject what a gap is named after: what told the path
 */
export async function deviceOnHost(
  path: string,
  devices: readonly BlockDevice[],
  asker: Pick<Asker, 'ask'>,
  subject: string,
): Promise<BlockDevice | undefined> {
  const known = deviceBySpec(devices)(path);
  if (known !== undefined) return known;
  const real = await asker.ask({
    argv: ['realpath', '--', path],
    // A device that is not plugged in is no gap.
    okCodes: [0, 1],
    parse: (stdout) => stdout.replace(/\n$/, ''),
    subject,
  });
  return devices.find(({ path: own, name }) => own === real || `/dev/${name}` === real);
}

/** UUIDs are compared without regard to case. */
function keyOf(tag: string, value: string): string {
  return tag.endsWith('uuid') ? `${tag} ${value.toLowerCase()}` : `${tag} ${value}`;
}

/** udev writes what may not stand in a file name as `\x20`. */
function unescapeHex(name: string): string {
  return name.replace(/\\x([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

/** `/dev/vg-0/root` → `/dev/mapper/vg--0-root`, as LVM names it. */
export function mapperPath(spec: string): string {
  const [, group, volume] = /^\/dev\/([^/]+)\/([^/]+)$/.exec(spec) ?? [];
  if (group === undefined || volume === undefined) return spec;
  return `/dev/mapper/${group.replaceAll('-', '--')}-${volume.replaceAll('-', '--')}`;
}
