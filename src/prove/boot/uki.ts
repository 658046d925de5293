/** Kernel images that are programs for firmware, with their initial filesystem and command line in them. */
import type { Inside } from '../inside.ts';
import type { Scene } from '../scene.ts';
import type { Startable } from './entry.ts';

export interface Section {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

/** Enough for the headers of any. */
const headerBytes = 16 * 1024;

/** Of a PE file; none where it is no such file. */
export function sectionsOf(head: Buffer): Section[] {
  const at = head.length < 64 || head.toString('latin1', 0, 2) !== 'MZ' ? head.length : head.readUInt32LE(0x3c);
  if (at + 24 > head.length || head.toString('latin1', at, at + 4) !== 'PE\0\0') return [];
  const count = head.readUInt16LE(at + 6);
  const table = at + 24 + head.readUInt16LE(at + 20);
  const found: Section[] = [];
  for (let index = 0; index < count && table + 40 * (index + 1) <= head.length; index++) {
    const start = table + 40 * index;
    const [virtual, raw] = [head.readUInt32LE(start + 8), head.readUInt32LE(start + 16)];
    const name = head.toString('latin1', start, start + 8).replace(/\0.*$/s, '');
    found.push({ name, offset: head.readUInt32LE(start + 20), size: Math.min(virtual, raw) });
  }
  return found;
}

/** `undefined` for a program that is none. */
export function unifiedOf(path: string, inside: Inside): Startable | undefined {
  const sections = sectionsOf(inside.head(path, headerBytes) ?? Buffer.alloc(0));
  const section = (name: string) => sections.find((one) => one.name === name);
  if (section('.linux') === undefined) return undefined;
  const line = section('.cmdline');
  const bytes = line === undefined ? undefined : inside.head(path, line.offset + line.size)?.subarray(line.offset);
  const options =
    bytes
      ?.toString('utf8')
      .replace(/\0[^]*$/, '')
      .trim() ?? '';
  // What is in it comes with the file, and its content is proven as that of any other.
  return { name: path, linux: undefined, initrd: [], options };
}

/** Where systemd-boot and firmware look for them. */
export function unifiedImages({ inside, mounts }: Scene): Startable[] {
  const folders = mounts.map(({ path }) => inside.spelled(`${path === '/' ? '' : path}/EFI/Linux`) ?? '');
  return folders
    .filter((folder) => folder !== '')
    .flatMap((folder) => inside.names(folder).map((name) => `${folder}/${name}`))
    .filter((path) => /\.efi$/i.test(path))
    .flatMap((path) => unifiedOf(path, inside) ?? []);
}
