/** The independent checker: what a system says of itself by its plain tools, and every file of it; two of these are compared outside. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Host } from '../../../src/host/host.ts';
import { localHost } from '../../../src/host/local.ts';
import type { Disk } from '../../../src/qemu/spec.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { labEmulation } from '../prepared.ts';

export const witnessSchema = z.object({
  /** By section of `facts.sh`. */
  facts: z.record(z.string(), z.string()),
  /** By path, all that is known of a file: one line. */
  files: z.record(z.string(), z.string()),
});
export type Witness = z.infer<typeof witnessSchema>;

/** Longer than anything takes on a machine that is busy with ten other things. */
const limitMs = 1_800_000;

/** What changes in a system that starts and runs, or is no file. All else has to be the same. */
const living = [
  '/proc /sys /dev /run /tmp /var/tmp /lost+found /opt/lifeboat /srv/backup',
  // Lifeboat's own: which runs there were, and that this is a recovered system.
  '/var/lib/lifeboat /etc/lifeboat',
  '/var/log /var/lib/systemd /var/lib/dhcp /var/cache/ldconfig /var/lib/private /boot/grub/grubenv /etc/resolv.conf',
  '/var/lib/nginx /var/spool/cron /etc/.pwd.lock /root/.bash_history',
  // As everywhere; what is in it is told with the facts.
  '/boot/efi',
  // LVM's own notes, which it writes anew when it first sees its group.
  '/etc/lvm/archive /etc/lvm/backup',
  // A read-only snapshot: a backup leaves it out, and says so.
  '/srv/before',
  // Compared by asking the database.
  '/var/lib/postgresql/15/main',
].flatMap((line) => line.split(' '));

const okCodes = [...Array(124).keys()];

/**
 * What a system that runs says of itself.
 *
 * @param others serial numbers of disks that are no part of the system, as a pattern of grep
 */
export async function factsOfSystem(host: Host, others: string, signal: AbortSignal): Promise<Witness['facts']> {
  const stdin = await script('facts.sh');
  // What a tool is missing for is in neither system, and a section without lines says so.
  const argv = ['bash', '-s', '--', others] as const;
  const { stdout } = await host.run(argv, { stdin, okCodes, timeoutMs: limitMs }, signal);
  const sections = stdout.toString().split(/^== /m).slice(1);
  return Object.fromEntries(
    sections.map((text) => [text.slice(0, text.indexOf('\n')), text.slice(text.indexOf('\n') + 1)]),
  );
}

/** Every file of a system that runs, by its own tools. */
export async function filesOfSystem(host: Host, signal: AbortSignal): Promise<Witness['files']> {
  const options = { stdin: await script('files.sh'), okCodes, timeoutMs: limitMs };
  return filesOf((await host.run(['bash', '-s', '--', '/', ...living], options, signal)).stdout);
}

/**
 * Every file of a system that was shut down, by its own tools, which run here: much quicker than where they are emulated. For one that is
 * on one disk, its root on the third partition.
 */
export async function filesOfDisk(disk: Disk, signal: AbortSignal): Promise<Witness['files']> {
  await using work = await temporaryDirectory();
  const raw = join(work.path, 'raw');
  const { qemu } = await labEmulation(signal);
  const { file, format } = disk;
  const convert = ['convert', '-q', '-f', format, '-O', 'raw', '--', file, raw] as const;
  await localHost().run([...qemu.argv('qemu-img'), ...convert], { env: qemu.env, timeoutMs: limitMs }, signal);
  const { stdout: table } = await localHost().run(['sfdisk', '--json', raw], {}, signal);
  const { start = 0, size = 0 } = tableSchema.parse(JSON.parse(table.toString())).partitiontable.partitions[2] ?? {};
  const inside = `
    set -e
    raw=$1; shift
    mkdir "$raw.root"
    mount -o ro,noload,loop,offset=${start * 512},sizelimit=${size * 512} "$raw" "$raw.root"
    mount -t tmpfs tmpfs "$raw.root/dev"
    mknod -m 666 "$raw.root/dev/null" c 1 3
    exec chroot "$raw.root" bash -s -- / "$@"`;
  const argv = [
    'unshare',
    '--mount',
    '--propagation',
    'private',
    'bash',
    '-c',
    inside,
    'bash',
    raw,
    ...living,
  ] as const;
  const { stdout } = await localHost().run(
    argv,
    { stdin: await script('files.sh'), okCodes, timeoutMs: limitMs },
    signal,
  );
  return filesOf(stdout);
}

const tableSchema = z.object({
  partitiontable: z.object({ partitions: z.array(z.object({ start: z.number(), size: z.number() })) }),
});

const script = async (name: string): Promise<Buffer> => await readFile(join(import.meta.dirname, name));

/** Names are bytes: each is one character here. */
function filesOf(said: Buffer): Record<string, string> {
  const sections = said.toString('latin1').split('\0==\0');
  const [list = '', sums = '', devices = '', attributes = '', flags = '', capabilities = '', acls = ''] = sections;
  const files = new Map<string, string[]>();
  const groups = new Map<string, string[]>();
  const words = list.split('\0');
  for (let at = 0; at + 1 < words.length; at += 2) {
    const [path = '', facts = ''] = [words[at], words[at + 1]];
    const [type = '', mode, owner, time, bytes, blocks, names, inode = '', ...target] = facts.split(' ');
    // Sizes of directories and times of symlinks' own reading say nothing.
    const size = type === 'd' ? '' : `${bytes} bytes`;
    const sparse =
      type === 'f' && Number(bytes) > 1_000_000 && Number(blocks) * 512 < Number(bytes) / 2 ? 'sparse' : '';
    files.set(path, [`${type} ${mode} ${owner} ${time}`, size, sparse, target.join(' ')]);
    if (type !== 'd' && names !== '1') groups.set(inode, [...(groups.get(inode) ?? []), path]);
  }
  for (const paths of groups.values()) {
    for (const path of paths) files.get(path)?.push(`one file: ${paths.toSorted().join(' ')}`);
  }
  for (const line of sums.split('\0')) files.get(line.slice(66))?.push(line.slice(0, 64));
  for (const line of devices.split('\0')) {
    const at = line.lastIndexOf(' ');
    files.get(line.slice(0, at))?.push(line.slice(at + 1));
  }
  // Of these, names are as the tools write them; a block or a line is compared as such.
  const rest: [string, string][] = [
    ...attributes.split('\n\n').map((block): [string, string] => ['attributes', block]),
    // Flags that say how a filesystem stores something, not what.
    ...flags
      .split('\n')
      .map((line): [string, string] => ['flags', line.replace(/^\S+/, (all) => all.replace(/[-eIN]/g, ''))]),
    ...capabilities.split('\n').map((line): [string, string] => ['capabilities', line]),
    ...acls.split('\n\n').map((block): [string, string] => ['acls', block]),
  ];
  const all: [string, string][] = [...files].map(([path, facts]) => [path, facts.filter(Boolean).join('; ')]);
  const more = rest
    .filter(([, text]) => !/^\s*$/.test(text))
    .map(([kind, text]): [string, string] => [`${kind}: ${text}`, '']);
  return Object.fromEntries([...all, ...more]);
}

export interface Difference {
  readonly what: string;
  readonly before?: string;
  readonly after?: string;
}

/** @param ignored sections of facts that are not expected to be the same, and patterns of files that were changed on purpose */
export function differences(
  before: Witness,
  after: Witness,
  ignored: { readonly facts?: readonly string[]; readonly files?: readonly RegExp[] } = {},
): readonly Difference[] {
  const { facts = [], files = [] } = ignored;
  const compared = (kind: string, one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>) =>
    [...new Set([...Object.keys(one), ...Object.keys(other)])]
      .filter((name) => one[name] !== other[name])
      .map(
        (name): Difference => ({
          what: `${kind} ${name}`,
          ...(one[name] === undefined ? {} : { before: one[name] }),
          ...(other[name] === undefined ? {} : { after: other[name] }),
        }),
      );
  return [
    ...compared('facts', before.facts, after.facts).filter(({ what }) => !facts.includes(what.slice('facts '.length))),
    ...compared('file', before.files, after.files).filter(({ what }) => !files.some((pattern) => pattern.test(what))),
  ];
}
