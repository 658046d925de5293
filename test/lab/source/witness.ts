/** The independent checker: what a system says of itself by its plain tools, and every file of it; two of these are compared outside. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Host } from '../../../src/host/host.ts';

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
  '/proc /sys /dev /run /tmp /var/tmp /opt/lifeboat /srv/backup',
  // Lifeboat's own: which runs there were, and that this is a recovered system.
  '/var/lib/lifeboat /etc/lifeboat',
  '/var/log /var/lib/systemd /var/lib/dhcp /var/cache/ldconfig /var/lib/private /boot/grub/grubenv /etc/resolv.conf',
  '/var/lib/nginx /var/spool/cron /etc/.pwd.lock /root/.bash_history',
  // Compared by asking the database.
  '/var/lib/postgresql/15/main',
].flatMap((line) => line.split(' '));

/** @param others serial numbers of disks that are no part of the system, as a pattern of grep */
export async function witness(host: Host, others: string, signal: AbortSignal): Promise<Witness> {
  const script = async (name: string, ...args: string[]): Promise<Buffer> => {
    const stdin = await readFile(join(import.meta.dirname, name));
    // What a tool is missing for is in neither system, and a section without lines says so.
    const okCodes = [...Array(124).keys()];
    return (await host.run(['bash', '-s', '--', ...args], { stdin, okCodes, timeoutMs: limitMs }, signal)).stdout;
  };
  const facts = (await script('facts.sh', others)).toString();
  const sections = facts.split(/^== /m).slice(1);
  const named = sections.map(
    (text) => [text.slice(0, text.indexOf('\n')), text.slice(text.indexOf('\n') + 1)] as const,
  );
  return { facts: Object.fromEntries(named), files: filesOf(await script('files.sh', '/', ...living)) };
}

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
