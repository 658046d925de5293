/** Records everything that capture asks of a machine, as one recording. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { release as osRelease } from 'node:os';
import { join } from 'node:path';
import { captureFacts } from '../../src/facts/capture.ts';
import { chrootHost } from '../../src/host/chroot.ts';
import type { Host, RunResult } from '../../src/host/host.ts';
import { localHost } from '../../src/host/local.ts';
import type { Recording } from '../../src/host/recorded.ts';
import { recordingHost } from '../../src/host/recording.ts';
import { captureLayout } from '../../src/layout/capture.ts';
import { captureNetwork } from '../../src/network/capture.ts';
import { kernel } from './boot.ts';
import { ask, run, within } from './commands.ts';
import { type Disk, disks } from './disks.ts';
import { uuid } from './ids.ts';

/**
 * Writes the recording of the machine at `root` to `directory`.
 *
 * @param images where the files of its disks are: another place stands for that
 * @param foreign names that must not be in it, such as the host name of the machine that records
 * @throws Error when one of them is, or a capture fails
 */
export async function writeRecording(
  root: string,
  directory: string,
  release: string,
  images: string,
  foreign: readonly string[],
): Promise<void> {
  const recording = await record(root, release);
  // In an order that does not depend on what answered first, each answer once.
  const seen = new Set<string>();
  const commands = recording.commands
    .filter((command) => !seen.has(JSON.stringify(command)) && seen.add(JSON.stringify(command)))
    .sort((a, b) => compare(JSON.stringify(a.argv), JSON.stringify(b.argv)));
  const files = Object.fromEntries(Object.entries(recording.files).sort(([a], [b]) => compare(a, b)));
  const all = JSON.stringify({ ...recording, commands, files }, null, 2);
  // What somebody calls the kernels that he builds is nobody else's business.
  const line = inJson(readFileSync('/proc/cmdline', 'utf8').trim());
  const neutral = all.replaceAll(inJson(inJson(images)), '/srv/images');
  const text = `${neutral.replaceAll(line, inJson(ownKernelLine())).replaceAll(osRelease(), kernel)}\n`;
  for (const name of foreign) {
    // A name such as `vm` is part of many words.
    const found = new RegExp(`(?<![\\w/-])${RegExp.escape(name)}(?![\\w/-])`).exec(text);
    if (found !== null)
      throw new Error(`the recording holds ${name}: ${text.slice(found.index - 80, found.index + 80)}`);
  }
  const biome = join(import.meta.dirname, '../../node_modules/.bin/biome');
  const formatted = run([biome, 'format', '--stdin-file-path=recording.json'], Buffer.from(text));
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${release}.json`), formatted, 'latin1');
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

async function record(root: string, release: string): Promise<Recording> {
  const { host, recording } = recordingHost(chrootHost(localHost(), root));
  const asked = askingOnce(host);
  const now = new Date();
  const { signal } = new AbortController();
  const layout = await captureLayout(asked, now, signal);
  // Of disks more is asked than of loop devices, and a test may want them to be disks.
  await captureLayout(seeingDisks(asked), now, signal);
  const network = await captureNetwork(asked, now, signal);
  const facts = await captureFacts(asked, now, signal);
  for (const gap of [layout, network, facts].flatMap(({ gaps }) => gaps)) {
    console.log(`${release}: gap: ${gap.subject}: ${gap.problem}`);
  }
  return { ...versions(root), ...recording() };
}

/** What was asked once is not asked again: free space would be another each time. */
function askingOnce(host: Host): Host {
  const answers = new Map<string, Promise<RunResult>>();
  return {
    ...host,
    run(argv, options, signal) {
      const key = JSON.stringify([argv, options.okCodes]);
      const answer = answers.get(key) ?? host.run(argv, options, signal);
      answers.set(key, answer);
      return answer;
    },
  };
}

/** Loop devices are disks here, by name and type: `sdb5` is `loop61p5`. Recorded is what was truly asked and said. */
function seeingDisks(host: Host): Host {
  const loops = Object.values<Disk>(disks).map(({ loop }) => `loop${loop}`);
  const letter = (loop: string) => String.fromCharCode('a'.charCodeAt(0) + loops.indexOf(loop));
  const shown = (text: string) =>
    text
      .replaceAll(
        new RegExp(`(${loops.join('|')})(?:p(\\d+))?`, 'g'),
        (_, loop, part = '') => `sd${letter(loop)}${part}`,
      )
      .replaceAll(/("type": ?)"loop"/g, '$1"disk"');
  const real = (text: string) =>
    text.replaceAll(/\bsd([a-z])(\d*)/g, (whole, disk: string, part: string) => {
      const loop = loops[disk.charCodeAt(0) - 'a'.charCodeAt(0)];
      return loop === undefined ? whole : `${loop}${part === '' ? '' : `p${part}`}`;
    });
  const seen = (data: Buffer) => Buffer.from(shown(data.toString('latin1')), 'latin1');
  return {
    ...host,
    async run([program, ...args], options, signal) {
      const result = await host.run([program, ...args.map(real)], options, signal);
      return { ...result, stdout: seen(result.stdout), stderr: shown(result.stderr) };
    },
    read: async (path, options, signal) => seen(await host.read(real(path), options, signal)),
  };
}

/** The command line of the kernel that runs says how the machine that records is started: a usual one stands for it. */
function ownKernelLine(): string {
  return `BOOT_IMAGE=/vmlinuz-${kernel} root=UUID=${uuid(0x304)} ro console=ttyS0,115200n8 quiet`;
}

function versions(root: string): Pick<Recording, 'tool' | 'distro'> {
  const packages = ['util-linux', 'e2fsprogs', 'xfsprogs', 'btrfs-progs', 'dosfstools', 'udev', 'iproute2'];
  const format = '${Package} ${source:Upstream-Version}\\n';
  const tool = ask(within(root, ['dpkg-query', '-W', '-f', format, ...packages]))
    .stdout.trim()
    .replaceAll('\n', ', ');
  const distro = /^PRETTY_NAME="(.*)"$/m.exec(ask(within(root, ['cat', '/etc/os-release'])).stdout)?.[1];
  return { tool, ...(distro === undefined ? {} : { distro }) };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
