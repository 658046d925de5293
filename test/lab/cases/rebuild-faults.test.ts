/** Plans that are cut off, and disks that fail, change or go while they are written to. */
import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { applyPlan } from '../../../src/layout/rebuild/apply.ts';
import { blankDisks } from '../../../src/layout/rebuild/blank.ts';
import type { Plan } from '../../../src/layout/rebuild/document.ts';
import { planLayout } from '../../../src/layout/rebuild/plan.ts';
import type { Layout } from '../../../src/layout/types.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { bootLimitMs } from '../prepared.ts';
import { agentSocket, bootedWith, imagesIn } from '../rebooted.ts';
import { capture, otherDisks, plainly } from '../rebuild.ts';
import { type Remembered, rememberedStack } from '../rebuilt.ts';
import { type Lab, startLab } from '../lab.ts';
import { readStack, type Scene } from '../stack.ts';

const { signal } = new AbortController();
const scene: Scene = { release: 'debian12', stack: readStack('raid1-lvm-luks') };
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

/** Another process carries the plan out, and is killed a moment after this action has begun. */
async function attempt(
  argv: readonly string[],
  record: string,
  until: string | undefined,
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
  const line = `${JSON.stringify({ begin: until })}\n`;
  const lines = async () => (await readFile(record, 'utf8').catch(() => '')).split(line).length;
  const before = await lines();
  const watch = async (): Promise<void> => {
    while (!over.signal.aborted && (await lines()) === before) await delay(5);
    await delay(afterMs);
    child.kill('SIGKILL');
  };
  const watching = until === undefined ? undefined : watch();
  const how = await ended;
  over.abort();
  await watching;
  return { ...how, ...said };
}

test('kill -9 in every action, and gone on with: the same comes of it', { timeout: 3_600_000 }, async () => {
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
  for (const [turn, { id }] of plan.actions.entries()) {
    const { killed, stderr } = await attempt(argv, record, id, momentMs(turn));
    expect({ id, killed, stderr }).toEqual({ id, killed: 'SIGKILL', stderr: '' });
  }
  expect(await attempt(argv, record, undefined, 0)).toEqual({ killed: null, code: 0, stdout: '', stderr: '' });
  // Whoever begins once more finds that all is done.
  expect(await attempt(argv, record, undefined, 0)).toEqual({ killed: null, code: 0, stdout: '', stderr: '' });
  await using host = await lab.machine.connect(bootLimitMs, signal);
  for (const { id } of plan.disks) await expectNoMark(host, lab, id);
});

async function expectNoMark(host: Host, { devices }: Lab, id: string): Promise<void> {
  const device = devices.get(id.replace('disk:', '')) ?? '';
  const { code } = await host.run(
    ['grep', '-qa', 'lifeboat.mark', device],
    { okCodes: [0, 1], timeoutMs: 300_000 },
    signal,
  );
  expect({ id, code }).toEqual({ id, code: 1 });
}

test('power cut in every action, and planned anew: marked disks are taken, and the same comes of it', {
  timeout: 3_600_000,
}, async () => {
  const { layout: wanted, given } = await remembered();
  await using directory = await temporaryDirectory();
  const images = await imagesIn(directory.path, otherDisks(scene), signal);
  const cut = async (turn: number, choose: (plan: Plan) => string | undefined): Promise<string | undefined> => {
    await using lab = await bootedWith(images, signal);
    const plan = await planned(wanted, lab.host);
    const at = choose(plan);
    const off = new AbortController();
    const begin = async (id: string): Promise<void> => {
      if (id === at) setTimeout(() => void lab.machine[Symbol.asyncDispose]().then(() => off.abort()), momentMs(turn));
      await Promise.resolve();
    };
    const application = { ...plainly, host: lab.host, given, progress: { ...plainly.progress, begin } };
    const changes = applyPlan(plan, application, off.signal);
    if (at === undefined) expect(await changes).toEqual([]);
    else await expect(changes, at).rejects.toBeInstanceOf(Error);
    return at;
  };
  let first: readonly string[] = [];
  await cut(0, ({ actions }) => {
    first = actions.map(({ id }) => id);
    return first[0];
  });
  for (const [turn, id] of first.entries()) await cut(turn, () => id);
  // By then all that stands is torn down first: cut off in each action of that, too.
  const done = new Set(first);
  for (let turn = 0; ; turn++) {
    const at = await cut(turn, ({ actions }) => actions.find(({ id }) => !done.has(id))?.id);
    if (at === undefined) break;
    done.add(at);
  }
});
