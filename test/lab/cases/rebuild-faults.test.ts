/** Plans that are cut off, and disks that fail, change or go while they are written to. */
import { spawn } from 'node:child_process';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Host } from '../../../src/host/host.ts';
import { applyPlan } from '../../../src/layout/rebuild/apply.ts';
import { blankDisks } from '../../helpers/blank-disks.ts';
import type { Plan } from '../../../src/layout/rebuild/document.ts';
import { readMark } from '../../../src/layout/rebuild/mark.ts';
import { planLayout } from '../../../src/layout/rebuild/plan.ts';
import { siteOf } from '../../../src/layout/rebuild/site.ts';
import type { Layout } from '../../../src/layout/types.ts';
import type { Action } from '../../../src/plan/action.ts';
import { diskDevices } from '../../../src/qemu/command-line.ts';
import type { Disk } from '../../../src/qemu/spec.ts';
import { ofToday, ownCases } from '../../helpers/suite.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { bootLimitMs } from '../prepared.ts';
import { agentSocket, bootedWith, freezer, imagesIn, overlaysOf } from '../rebooted.ts';
import { capture, factsOf, otherDisks, plainly, realDisks } from '../rebuild.ts';
import { type Remembered, rememberedStack } from '../rebuilt.ts';
import { devicesOf, type Lab, type LabDisk, startLab } from '../lab.ts';
import { readStack, type Scene } from '../stack.ts';

const { signal } = new AbortController();
const scene: Scene = { release: 'debian12', stack: readStack('raid1-lvm-luks') };
/** What takes long is for the lab's own tests; of the rest the ordinary ones do one, another each time. */
const isWhole = ownCases !== undefined;
const today = new Set(ofToday(['lost', 'changed', 'gone', 'unwritable', 'mirrored', 'cut'], new Date()));
/** Moments within actions: the same in every run. */
const SEED = Number(process.env['SEED'] ?? '20261121');
const momentMs = (turn: number): number => ((SEED * 31 + turn * 7919) % 40) * 10;

/** The machine of which all others are to become another. */
let original: Promise<Remembered> | undefined;
const remembered = async (): Promise<Remembered> => await (original ??= rememberedStack(scene, signal));

/** What `layout plan` makes of the disks that are there, without being told anything. */
async function planned(wanted: Layout, host: Host): Promise<Plan> {
  const found = await capture(host, signal);
  return planLayout({ wanted, found, blank: await blankDisks(wanted, found, host, signal) });
}

interface Attempt {
  /** The signal that ended it. */
  readonly killed: NodeJS.Signals | null;
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Ids of the actions that the record says have begun, and ended. */
async function recorded(
  record: string,
): Promise<{ readonly begun: ReadonlySet<string>; readonly ended: ReadonlySet<string> }> {
  const lines = (await readFile(record, 'utf8').catch(() => '')).split('\n').slice(0, -1);
  const ids = (verb: string) => new Set(lines.flatMap((line) => lineSchema.parse(JSON.parse(line))[verb] ?? []));
  return { begun: ids('begin'), ended: ids('end') };
}

const lineSchema = z.record(z.string(), z.string());

/** Another process carries the plan out, and is killed a moment after one of these actions has begun. */
async function attempt(
  argv: readonly string[],
  record: string,
  targets: ReadonlySet<string>,
  afterMs: number,
): Promise<Attempt> {
  const file = join(import.meta.dirname, '../apply-child.ts');
  const child = spawn(process.execPath, [file, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()));
  const over = new AbortController();
  const ended = new Promise<Pick<Attempt, 'killed' | 'code'>>((resolve) => {
    child.once('close', (code, killed) => resolve({ code, killed }));
  });
  const { begun: before } = await recorded(record);
  const isDue = async () => [...(await recorded(record)).begun].some((id) => targets.has(id) && !before.has(id));
  const watch = async (): Promise<void> => {
    while (!over.signal.aborted && !(await isDue())) await delay(5);
    await delay(afterMs);
    child.kill('SIGKILL');
  };
  const watching = watch();
  const how = await ended;
  over.abort();
  await watching;
  return { ...how, ...said };
}

test.runIf(isWhole)(
  'kill -9 in every action, and gone on with: the same comes of it',
  { timeout: 3_600_000 },
  async () => {
    const { layout: wanted, given } = await remembered();
    await using directory = await temporaryDirectory();
    await using lab = await startLab({ disks: otherDisks(scene) }, signal);
    const plan = await planned(wanted, lab.host);
    const [file, record, gifts] = ['plan.json', 'record', 'gifts'].map((name) => join(directory.path, name));
    if (file === undefined || record === undefined || gifts === undefined) throw new Error('no names');
    await writeFile(file, JSON.stringify(plan));
    await mkdir(gifts);
    for (const { stdin } of plan.actions.flatMap(({ commands }) => commands)) {
      if (typeof stdin !== 'object' || stdin.given.startsWith('mark:')) continue;
      await writeFile(join(gifts, encodeURIComponent(stdin.given)), await given(stdin.given));
    }
    const argv = [await agentSocket(lab.machine, signal), file, record, gifts];
    await lab.host[Symbol.asyncDispose]();
    const open = new Set(plan.actions.map(({ id }) => id));
    const cut = new Set<string>();
    for (let turn = 0; open.size > 0; turn++) {
      const { killed, stderr } = await attempt(argv, record, open, turn % 2 === 0 ? 0 : momentMs(turn));
      expect({ killed, stderr }).toEqual({ killed: 'SIGKILL', stderr: '' });
      const { begun, ended } = await recorded(record);
      for (const id of begun) {
        open.delete(id);
        if (!ended.has(id)) cut.add(id);
      }
    }
    // A few are so short that they had ended.
    console.log(`killed in ${cut.size} of ${plan.actions.length} actions`);
    expect(cut.size).toBeGreaterThan(plan.actions.length * 0.7);
    const none = new Set<string>();
    expect(await attempt(argv, record, none, 0)).toEqual({ killed: null, code: 0, stdout: '', stderr: '' });
    // Whoever begins once more finds that all is done.
    expect(await attempt(argv, record, none, 0)).toEqual({ killed: null, code: 0, stdout: '', stderr: '' });
    await using host = await lab.machine.connect(bootLimitMs, signal);
    for (const disk of realDisks(await capture(host, signal)))
      expect(await readMark(host, disk, signal)).toBeUndefined();
  },
);

interface Cut {
  /** The action that had begun. */
  readonly id: string;
  /** Whether it had not ended. */
  readonly isInside: boolean;
  /** As they were then. */
  readonly disks: readonly Disk[];
}

/** Carries out what `layout plan` makes of these disks; the power is cut a moment after each of these actions has begun. */
async function cutsOn(
  disks: readonly Disk[],
  chosen: (plan: Plan) => readonly string[],
  directory: string,
): Promise<readonly Cut[]> {
  const { layout: wanted, given } = await remembered();
  await using lab = await bootedWith(disks, signal);
  const plan = await planned(wanted, lab.host);
  const ids = chosen(plan);
  const freeze = freezer(lab.machine, disks, directory);
  const ended = new Set<string>();
  const cuts: Promise<Cut>[] = [];
  const begin = async (id: string): Promise<void> => {
    const turn = ids.indexOf(id);
    if (turn < 0) return;
    const cut = async (): Promise<Cut> => {
      await delay(turn % 2 === 0 ? 0 : momentMs(turn));
      const isInside = !ended.has(id);
      return { id, isInside, disks: await freeze(signal) };
    };
    cuts.push(cut());
    await Promise.resolve();
  };
  const end = async (id: string) => await Promise.resolve(void ended.add(id));
  const progress = { ...plainly.progress, begin, end };
  expect(await applyPlan(plan, { ...plainly, host: lab.host, given, progress }, signal)).toEqual([]);
  return await Promise.all(cuts);
}

/** A machine that starts with what a power cut has left on its disks, and knows nothing of the plan. */
async function recovers({ id, isInside, disks }: Cut): Promise<void> {
  const { layout: wanted, given } = await remembered();
  await using place = await temporaryDirectory();
  await using lab = await bootedWith(await overlaysOf(disks, place.path, signal), signal);
  const plan = await planned(wanted, lab.host);
  expect(await applyPlan(plan, { ...plainly, host: lab.host, given }, signal), id).toEqual([]);
  console.log(`the same after a power cut ${isInside ? 'in' : 'right behind'} ${id}`);
}

test.runIf(today.has('cut'))(
  'power cut in every action, and planned anew: marked disks are taken, and the same comes of it',
  { timeout: 7_200_000 },
  async () => {
    await using directory = await temporaryDirectory();
    const [bare, used] = ['bare', 'used'].map((name) => join(directory.path, name));
    if (bare === undefined || used === undefined) throw new Error('no names');
    for (const place of [bare, used]) await mkdir(place);
    const images = await imagesIn(bare, otherDisks(scene), signal);
    const first = await cutsOn(images, ({ actions }) => ofToday(idsOf(actions), new Date()), bare);
    for (const cut of first) await recovers(cut);
    const last = first.at(-1);
    if (!isWhole || last === undefined) return;
    // On disks that are half done something is taken away first: cut off in each action of that, too.
    const done = new Set(first.map(({ id }) => id));
    const others = ({ actions }: Plan) => idsOf(actions).filter((id) => !done.has(id));
    for (const cut of await cutsOn(await overlaysOf(last.disks, used, signal), others, used)) await recovers(cut);
  },
);

const idsOf = (actions: readonly Action[]): readonly string[] => actions.map(({ id }) => id);

test.runIf(today.has('lost'))(
  'record lost, all of it still standing: torn down by the next plan, and the same comes of it',
  {
    timeout: 1_800_000,
  },
  async () => {
    const { layout: wanted, given } = await remembered();
    await using lab = await startLab({ disks: otherDisks(scene) }, signal);
    const { host } = lab;
    const first = await planned(wanted, host);
    const last = first.actions.at(-1)?.id;
    const end = async (id: string) => (id === last ? await Promise.reject(new Error('cut off')) : undefined);
    const cut = { ...plainly, host, given, progress: { ...plainly.progress, end } };
    await expect(applyPlan(first, cut, signal)).rejects.toThrow('cut off');
    const next = await planned(wanted, host);
    expect(next.actions.map(({ title }) => title).filter((title) => title.startsWith('stop '))).not.toEqual([]);
    expect(await applyPlan(next, { ...plainly, host, given }, signal)).toEqual([]);
  },
);

/** A small machine, for what needs no large one. */
const small: Scene = { release: 'debian12', stack: readStack('lvm-on-md') };
let smallOriginal: Promise<Remembered> | undefined;
const smallOne = async (): Promise<Remembered> => await (smallOriginal ??= rememberedStack(small, signal));

const write = async (host: Host, device: string, what: string, atMiB: number): Promise<void> => {
  const argv = ['dd', `of=${device}`, 'bs=1M', `seek=${atMiB}`, 'conv=notrunc,fsync', 'status=none'] as const;
  await host.run(argv, { stdin: Buffer.from(what) }, signal);
};
const reads = async (host: Host, device: string, atMiB: number): Promise<string> => {
  const argv = ['dd', `if=${device}`, 'bs=1M', `skip=${atMiB}`, 'count=1', 'status=none'] as const;
  return (await host.run(argv, {}, signal)).stdout.toString().replaceAll('\0', '');
};

test.runIf(today.has('changed'))(
  'disks that change after they were planned for, or go, are not written to',
  { timeout: 1_800_000 },
  async () => {
    const { layout: wanted } = await smallOne();
    await using lab = await startLab({ disks: otherDisks(small) }, signal);
    const { host, devices, machine } = lab;
    const [a = '', b = ''] = ['NA', 'NB'].map((serial) => devices.get(serial));
    const plan = await planned(wanted, host);
    const refusal = async (own: Host, why: RegExp): Promise<void> => {
      const applied = applyPlan(plan, { ...plainly, host: own }, signal);
      await expect(applied).rejects.toMatchObject({ code: 'refused', message: expect.stringMatching(why) });
    };
    await host.run(['blockdev', '--setro', b], {}, signal);
    await refusal(host, /not as they were.*read only was no, is yes/);
    await host.run(['blockdev', '--setrw', b], {}, signal);
    // What no tool knows.
    await write(host, b, 'somebody else wrote this', 3);
    await refusal(host, /disk:NB was blank when the plan was made, and is no longer/);
    expect(await reads(host, b, 3)).toBe('somebody else wrote this');
    await write(host, b, '\0'.repeat(24), 3);
    // Between the look at all disks, after which commands of others are waited for, and the first write to one of them.
    const late: Host = {
      ...host,
      async run(argv, options, own) {
        const isReady = argv[0] === 'flock' && argv.includes('--exclusive');
        if (isReady) await host.run(['mkfs.ext4', '-q', '-L', 'quick', b], {}, signal);
        return await host.run(argv, options, own);
      },
    };
    await refusal(late, /what is on the disk disk:NB has changed/);
    expect(await factsOf(host, b, signal)).toContain('LABEL=quick');
    expect(await reads(host, b, 0)).not.toContain('lifeboat.mark');
    // The other has its mark by then, and so it counts as blank.
    await host.run(['wipefs', '--all', '--quiet', b], {}, signal);
    await host.run(['blkdiscard', '--force', '--zeroout', b], { timeoutMs: 300_000 }, signal);
    expect((await planned(wanted, host)).disks.map(({ id }) => id)).toEqual(['disk:NA', 'disk:NB']);
    await machine.removeDisk('NB', signal);
    await refusal(host, /not as they were.*removed: disk/);
    await using directory = await temporaryDirectory();
    const [, like] = otherDisks(small);
    if (like === undefined) throw new Error('the stack has two disks');
    for (const disk of await imagesIn(directory.path, [{ ...like, serial: 'XB' }], signal))
      await machine.addDisk(disk, signal);
    await refusal(host, /not as they were.*removed: disk/);
    expect((await planned(wanted, host)).disks.map(({ id }) => id)).toEqual(['disk:NA', 'disk:XB']);
    expect((await reads(host, a, 0)).match(/lifeboat.mark/g)).toHaveLength(1);
  },
);

test.runIf(today.has('gone'))(
  'a disk that goes in the middle ends it there, with the action and what to do',
  {
    timeout: 1_800_000,
  },
  async () => {
    const { layout: wanted } = await smallOne();
    await using lab = await startLab({ disks: otherDisks(small) }, signal);
    const plan = await planned(wanted, lab.host);
    const at = plan.actions.findIndex(({ id }) => id.startsWith('create md:'));
    const begun: string[] = [];
    const begin = async (id: string): Promise<void> => {
      begun.push(id);
      if (id === plan.actions[at]?.id) await lab.machine.removeDisk('NB', signal);
    };
    const progress = { ...plainly.progress, begin };
    await expect(applyPlan(plan, { ...plainly, host: lab.host, progress }, signal)).rejects.toMatchObject({
      message: expect.stringMatching(
        /^make the array .*\(on disk:NA, disk:NB\): the disk disk:NB is not there any more/,
      ),
    });
    expect(new Set(begun)).toEqual(new Set(plan.actions.slice(0, at + 1).map(({ id }) => id)));
  },
);

/** An empty disk, one sector of which cannot be written to. */
async function addWithBadSector(lab: Lab, disk: LabDisk, sector: number, directory: string): Promise<void> {
  const file = join(directory, disk.serial);
  await using image = await open(file, 'w');
  await image.truncate(disk.bytes);
  const { node, device } = diskDevices({ ...disk, bus: 'scsi', file, format: 'raw' });
  const rule = { event: 'none', iotype: 'write', errno: 5, once: false, immediately: false, sector };
  const bad = { driver: 'blkdebug', image: node['file'], 'inject-error': [rule] };
  await lab.machine.qmp.execute('blockdev-add', { ...node, file: bad }, signal);
  await lab.machine.qmp.execute('device_add', device, signal);
}

/** Where something begins on a disk, by the plan. */
function startOn({ layout }: Plan, disk: string, number: number): number {
  const partition = layout.components.find(
    (one) =>
      one.kind === 'partition' && one.number === number && siteOf(layout.components).disksUnder(one.id).includes(disk),
  );
  if (partition?.kind !== 'partition' || partition.startBytes === undefined) throw new Error('no such partition');
  return partition.startBytes;
}

test.runIf(today.has('unwritable'))(
  'an I/O error in the middle ends it there, with action, disk, command and device',
  { timeout: 1_800_000 },
  async () => {
    const { layout: wanted } = await smallOne();
    await using made = await withBadSector(wanted, (plan) => startOn(plan, 'disk:NA', 2) + 1024);
    const { lab } = made;
    const plan = await planned(wanted, lab.host);
    const ended: string[] = [];
    const progress = { ...plainly.progress, end: async (id: string) => void ended.push(id) };
    const applied = applyPlan(plan, { ...plainly, host: lab.host, progress }, signal);
    const ends = /^make ext4 .*\(on disk:NA\): mke2fs .* \/dev\/sd\w+2 .*failed/;
    await expect(applied).rejects.toMatchObject({ code: 'command-failed', message: expect.stringMatching(ends) });
    expect(ended).not.toContain(plan.actions.at(-1)?.id);
  },
);

test.runIf(today.has('mirrored'))(
  'a disk of a mirror that cannot be written to in one place is told, and keeps its mark',
  { timeout: 1_800_000 },
  async () => {
    const { layout: wanted } = await smallOne();
    // The label of the physical volume on the array.
    await using made = await withBadSector(wanted, (plan) => startOn(plan, 'disk:NA', 1) + dataOffset(plan) + 512);
    const { lab } = made;
    const plan = await planned(wanted, lab.host);
    const changes = await applyPlan(plan, { ...plainly, host: lab.host }, signal);
    expect(changes.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^changed: raid1 .*: md cannot write to sectors \d+\+\d+ of its member \/dev\/sd\w+1$/),
    ]);
    for (const disk of realDisks(await capture(lab.host, signal))) {
      expect(await readMark(lab.host, disk, signal)).toBeDefined();
    }
  },
);

/** A machine with the disks of the small one; one sector of the first cannot be written to. @param place in bytes */
async function withBadSector(
  wanted: Layout,
  place: (plan: Plan) => number,
): Promise<AsyncDisposable & { readonly lab: Lab }> {
  const disks = otherDisks(small);
  const [a, b] = disks;
  if (a === undefined || b === undefined) throw new Error('the stack has two disks');
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const lab = stack.use(await startLab({ disks: [b] }, signal));
  const found = await capture(lab.host, signal);
  // Where it lies follows from the plan, which there is none of without the disk.
  const sector = place(planOn(wanted, found, disks)) / 512;
  await addWithBadSector(lab, a, sector, directory.path);
  await devicesOf(lab.host, ['NA', 'NB'], signal);
  const owned = stack.move();
  return { lab, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Where the data begin on the members of the array. */
function dataOffset({ layout }: Plan): number {
  const array = layout.components.find(({ kind }) => kind === 'md');
  const offset = array?.kind === 'md' ? array.geometry?.members[0]?.dataOffsetBytes : undefined;
  if (offset === undefined) throw new Error('no such array');
  return offset;
}

/** The plan for disks that are not there yet: the same as for those, but for their names. */
function planOn(wanted: Layout, { components, ...found }: Layout, disks: readonly LabDisk[]): Plan {
  const [like] = realDisks({ ...found, components });
  if (like === undefined) throw new Error('no disk is there');
  const all = disks.map(({ serial, bytes }) => ({ ...like, id: `disk:${serial}`, serial, sizeBytes: bytes }));
  const blank = new Set(all.map(({ id }) => id));
  return planLayout({ wanted, found: { ...found, components: all }, blank });
}
