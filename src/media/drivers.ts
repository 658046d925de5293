/** Whether a medium drives what this host has: its disks and its cards, and all that they hang on. */
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LifeboatError } from '../kernel/errors.ts';
import { builtIn } from './modules.ts';
import type { Tools } from './tools.ts';

/** A device with a driver: a disk or a card, or a part of the way to it. */
export interface Driven {
  /** `sda`, `eth0`: what it is needed for. */
  readonly of: string;
  readonly driver: string;
  /** By which modules say that they drive it. */
  readonly alias?: string;
  /** Name of the driver's module; absent where it is a part of this host's kernel. */
  readonly module?: string;
  /** The disk or card itself. */
  readonly isItself: boolean;
}

/** @param sys where the kernel shows its devices, `/sys` */
export async function drivenDevices(sys: string): Promise<readonly Driven[]> {
  const found: Driven[] = [];
  for (const kind of ['block', 'net']) {
    const directory = join(sys, 'class', kind);
    for (const name of await readdir(directory).catch(() => [])) {
      const path = await realpath(join(directory, name));
      // Radio is nothing that a rescue system is reached by.
      if (kind === 'net' && (await isThere(join(path, 'phy80211')))) continue;
      found.push(...(await wayTo(name, path)));
    }
  }
  return found;
}

async function wayTo(of: string, path: string): Promise<readonly Driven[]> {
  const way: Driven[] = [];
  for (let at = path; basename(at) !== 'devices' && at !== '/'; at = dirname(at)) {
    const driver = await realpath(join(at, 'driver')).catch(() => undefined);
    if (driver === undefined) continue;
    const alias = await readFile(join(at, 'modalias'), 'utf8').catch(() => '');
    const module = await realpath(join(driver, 'module')).catch(() => undefined);
    // What is built in has parameters there at most, and no state.
    const isLoaded = module !== undefined && (await isThere(join(module, 'initstate')));
    way.push({
      of,
      driver: basename(driver),
      ...(alias === '' ? {} : { alias: alias.trim() }),
      ...(isLoaded ? { module: basename(module) } : {}),
      isItself: way.length === 0,
    });
  }
  return way;
}

export interface MediumModules {
  /** Release of the kernel. */
  readonly version: string;
  /** Root with `usr/lib/modules` of the medium, and an index. */
  readonly root: string;
  /** Names of the modules in it. */
  readonly names: ReadonlySet<string>;
}

/**
 * Of what the host's kernel has built in, in the middle of a way, nobody can tell whether another kernel calls it the same: that is let pass.
 *
 * @throws LifeboatError `rescue-incomplete` where the medium's kernel has no driver for a disk or card
 */
export async function refuseUndriven(
  devices: readonly Driven[],
  { version, root, names }: MediumModules,
  tools: Tools,
  signal: AbortSignal,
): Promise<void> {
  const there = new Set([...names, ...(await builtIn(join(root, 'usr/lib/modules', version)))]);
  const known = new Map<string, boolean>();
  const isDriven = async ({ driver, module, alias }: Driven): Promise<boolean> => {
    if (there.has(module ?? driver.replaceAll('-', '_'))) return true;
    if (alias === undefined) return false;
    const before = known.get(alias);
    if (before !== undefined) return before;
    const args = ['-R', '-q', '-S', version, '-d', join(root, 'usr'), alias];
    const { code } = await tools.run('modprobe', args, { okCodes: [0, 1] }, signal);
    known.set(alias, code === 0);
    return code === 0;
  };
  const missing: string[] = [];
  for (const device of devices) {
    if (!device.isItself && device.module === undefined) continue;
    if (!(await isDriven(device))) missing.push(`${device.of} (${device.module ?? device.driver})`);
  }
  if (missing.length === 0) return;
  throw new LifeboatError('rescue-incomplete', `the kernel ${version} has no driver for ${missing.join(', ')}`, {
    hint: "Take a kernel that has it, by --kernel: one of this host's, whose modules are installed.",
  });
}

const isThere = async (path: string): Promise<boolean> =>
  await stat(path).then(
    () => true,
    () => false,
  );
