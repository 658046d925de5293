/**
 * Disks that the rescue system keeps from being written to until somebody has agreed to a plan for them: read-only in the kernel, with a note
 * that it was the rescue system, and not the disk itself. Elsewhere there are none.
 */
import { basename } from 'node:path/posix';
import type { Host } from '../../host/host.ts';
import type { Layout } from '../types.ts';

/** Notes, by the names of devices; `rescue/` makes them. */
const notes = '/run/lifeboat/held';

/** Whether a device is kept so, by its path. */
export async function heldDevices(host: Host, signal: AbortSignal): Promise<(path: string) => boolean> {
  const { stdout } = await host.run(['find', notes, '-type', 'f', '-printf', '%f\\n'], { okCodes: [0, 1] }, signal);
  const names = new Set(stdout.toString().split('\n'));
  return (path) => names.has(basename(path));
}

/** A capture in which such disks can be written to, as they can once somebody has agreed. */
export async function withoutHold(layout: Layout, host: Host, signal: AbortSignal): Promise<Layout> {
  if (!layout.components.some((one) => one.kind === 'disk' && one.readOnly)) return layout;
  const isHeld = await heldDevices(host, signal);
  return {
    ...layout,
    components: layout.components.map((one) =>
      one.kind === 'disk' && isHeld(one.device) ? { ...one, readOnly: false } : one,
    ),
  };
}

/** Lets go of a disk, and of its partitions and what else is made of it. Of what lies on others, too, those have their own say. */
export async function letGo(path: string, host: Host, signal: AbortSignal): Promise<void> {
  const devices = [...(await tree(host, [path, '--inverse'], signal)), ...(await tree(host, [path], signal))];
  const unique = [...new Map(devices.map((device) => [device.path, device])).values()];
  for (const device of unique) {
    if (device.type.startsWith('raid') || device.type === 'linear') {
      // Refused as long as one of its members is read-only.
      await host.run(['mdadm', '--readwrite', device.path], { okCodes: [0, 1] }, signal);
    } else {
      await host.run(['blockdev', '--setrw', device.path], {}, signal);
    }
  }
  await host.run(['rm', '-f', '--', ...unique.map((device) => `${notes}/${basename(device.path)}`)], {}, signal);
}

async function tree(host: Host, args: readonly string[], signal: AbortSignal) {
  const argv = ['lsblk', '--noheadings', '--raw', '--output', 'TYPE,PATH', ...args] as const;
  const { stdout } = await host.run(argv, {}, signal);
  return stdout
    .toString()
    .split('\n')
    .flatMap((line) => {
      const [, type, path] = /^(\S+) (\S+)$/.exec(line) ?? [];
      return type === undefined || path === undefined ? [] : [{ type, path }];
    });
}
