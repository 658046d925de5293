import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { captureLayout } from '../../src/layout/capture.ts';
import { layoutChanges } from '../../src/layout/diff.ts';
import { ask, type Command, command, run } from '../record/commands.ts';
import { device } from '../record/disks.ts';
import { machineRoot } from '../record/machine.ts';
import { startMachine } from '../record/record.ts';
import { manyDisks } from './many-disks.ts';
import type { Pairing } from './paired.ts';

const repository = join(import.meta.dirname, '../..');
/** Where lifeboat is in the machine. */
const installed = '/srv/lifeboat';
const node = `${installed}/node_modules/node/bin/node`;

/** In the machine. */
const ourFile = '/var/tmp/layout.json';
const theirFile = '/var/lib/rear/layout/disklayout.conf';

const ours: Command = [node, `${installed}/bin/lifeboat.js`, 'layout', 'capture', '--output', ourFile];
const peer: Command = ['rear', 'savelayout'];

/**
 * Capture of a machine of loop devices against Relax-and-Recover's `rear savelayout` on the same machine at the same
 * time, both started in its root by the same means. What they see is not the same: rear saves disks, partitions without
 * their types, and mounted filesystems; lifeboat also what is not mounted, every kind of mount, and space that is used.
 * About 3 s of rear's wall time is its own wait for child processes when it ends, so look at processor time too.
 */
export async function capture(): Promise<Pairing> {
  await manyDisksFigure();
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const trees = join(cache, 'lifeboat-test', 'trees');
  const order = { release: 'debian12', trees, packages: ['rear', 'cpio', 'file', 'less'], shown: [], hold: true };
  mkdirSync(trees, { recursive: true });
  const machine = await startMachine(order, ['pipe', 'pipe', 'inherit']);
  machine.ended.catch(() => undefined);
  const { pid, stdin, stdout } = machine.child;
  if (pid === undefined || stdin === null || stdout === null) throw new Error('the machine was not started');
  const end = async () => {
    stdin.end();
    await machine.ended;
  };
  try {
    await Promise.race([readyLine(stdout), machine.ended]);
    // The program is in the namespace of processes that its starter made, and is not in itself.
    const inner = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    const enter = command(`nsenter --target ${inner} --mount --pid --net --uts chroot ${machineRoot}`);
    const inMachine = (each: Command): Command => [...enter, ...each];
    install(inner);
    letRearSeeLoops(inMachine);
    nameMountsPlainly(inMachine);
    report(inMachine);
    const seconds = cpuByTurns();
    return {
      ours: inMachine(ours),
      peer: inMachine(peer),
      rounds: 7,
      target: 1,
      reset: seconds.next,
      [Symbol.asyncDispose]: async () => {
        console.log(`capture: processor time ${seconds.text()}`);
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Prints what a capture of many disks, and the comparison with another one, cost us where the tools cost nothing. */
async function manyDisksFigure(): Promise<void> {
  const recording: unknown = JSON.parse(readFileSync(join(repository, 'test/fixtures/machine/debian12.json'), 'utf8'));
  const { signal } = new AbortController();
  const start = process.cpuUsage();
  const layout = await captureLayout(manyDisks(recording, 9), new Date(), signal);
  const captured = process.cpuUsage(start);
  // One copy less: what is compared differs.
  const before = await captureLayout(manyDisks(recording, 8), new Date(), signal);
  const middle = process.cpuUsage();
  const changes = layoutChanges(before, layout);
  const compared = process.cpuUsage(middle);
  const seconds = (captured.user + captured.system + compared.user + compared.system) / 1e6;
  console.log(
    `capture: ${seconds.toFixed(2)} s of processor time (aimed at less than 1 s) for capture and diff of ` +
      `${countOf(layout.components.map(({ kind }) => kind))}: ${layout.gaps.length} gaps, ${changes.length} changes`,
  );
}

async function readyLine(stdout: AsyncIterable<Uint8Array>): Promise<void> {
  let said = '';
  for await (const chunk of stdout) {
    said += Buffer.from(chunk).toString();
    if (said.includes('ready\n')) return;
  }
}

/** Copies what lifeboat needs to run into the machine: nothing of ours is mounted there, which both would see. */
function install(inner: string): void {
  const npm = join(repository, 'node_modules/npm/bin/npm-cli.js');
  const listed = spawnSync(process.execPath, [npm, 'ls', '--omit=dev', '--all', '--parseable'], { cwd: repository });
  const packages = listed.stdout
    .toString()
    .split('\n')
    .filter((path) => path.includes('node_modules'))
    .map((path) => path.slice(path.indexOf('node_modules')));
  const parts = ['bin', 'dist', 'native/build', 'package.json', 'node_modules/node/bin', ...packages];
  const tar = ['-C', repository, '-cf', '-', ...new Set(parts)];
  const archive = spawnSync('tar', tar, { maxBuffer: 1 << 30 });
  if (archive.status !== 0) throw new Error(`tar: ${archive.error?.message ?? archive.stderr.toString()}`);
  const place = join(machineRoot, installed);
  const enter = command(`nsenter --target ${inner} --mount --`);
  run([...enter, 'mkdir', '-p', place]);
  run([...enter, 'tar', '-C', place, '-xf', '-'], archive.stdout);
}

/** As shipped it looks at disks by the names sd, vd, nvme and the like. Nothing else of it is changed. */
function letRearSeeLoops(inMachine: (each: Command) => Command): void {
  const scripts = ['GNU/Linux/200_partition_layout.sh', 'default/445_guess_bootloader.sh'];
  const paths = scripts.map((script) => `/usr/share/rear/layout/save/${script}`);
  run(inMachine(['sed', '-i', 's/\\$blockd = hd\\* ||/$blockd = hd* || $blockd = loop* ||/', ...paths]));
}

/** Relax-and-Recover 2.7 fails on a mount with a blank in its name: "Failed to save XFS options". */
function nameMountsPlainly(inMachine: (each: Command) => Command): void {
  const script = `
    umount /srv/lower/deep /srv/bind '/srv/data store'
    umount ${device('gpt', 12)}
    mkdir /srv/data /mnt/old
    mount ${device('gpt', 5)} /srv/data
    mount --bind /srv/data /srv/bind
    mount ${device('gpt', 12)} /mnt/old`;
  run(inMachine(['sh', '-ec', script]));
}

const layoutSchema = z.object({ components: z.array(z.object({ kind: z.string() })) });

/** @throws Error when one of the two does not do its work */
function report(inMachine: (each: Command) => Command): void {
  const saved = ask(inMachine(peer));
  const conf = ask(inMachine(['cat', theirFile])).stdout;
  // What it leaves out of a recovery (below /mnt, and what only that needs) it saves as comments.
  const words = [...conf.matchAll(/^#?(disk|part|fs|swap|lvm[a-z]+|btrfs[a-z]+) \//gm)].map(([, word = '']) => word);
  if (saved.code !== 0 || !words.includes('part') || !words.includes('fs')) {
    throw new Error(
      `rear savelayout ended with ${saved.code} and saved ${countOf(words)}: ${saved.stdout}${saved.stderr}`,
    );
  }
  console.log(`capture: rear saves ${countOf(words)}`);
  run(inMachine(ours));
  const { components } = layoutSchema.parse(JSON.parse(run(inMachine(['cat', ourFile]))));
  console.log(`capture: lifeboat shows ${countOf(components.map(({ kind }) => kind))}`);
}

function countOf(words: readonly string[]): string {
  const groups = Map.groupBy(words, (word) => word);
  return [...groups].map(([word, { length }]) => `${length} ${word}`).join(', ');
}

/** Processor time of commands that run by turns, ours first. {@link paired} warms each up once; that is not counted. */
function cpuByTurns() {
  const spent: number[] = [];
  let before = childrenSeconds();
  return {
    next() {
      const now = childrenSeconds();
      spent.push(now - before);
      before = now;
    },
    text() {
      const [a, b] = [0, 1].map((turn) => median(spent.filter((_, index) => index > 1 && index % 2 === turn)));
      return `${a?.toFixed(2)} s against ${b?.toFixed(2)} s (median; user and system, of all processes)`;
    },
  };
}

/** User and system time of all children that ended, and of theirs. */
function childrenSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
