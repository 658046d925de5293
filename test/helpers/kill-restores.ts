/** kill -9 at seeded moments of restores: what was killed can be finished, undone or begun again, and nothing is left over. */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { contents, objectsOf, type Sandbox } from './cli.ts';
import { agreed, backup, openRun, runsOf, type Series } from './kill-series.ts';
import { layeredRoot } from './layered-root.ts';
import { kill, type Moments, measured, random } from './moments.ts';

/** Restores into new directories and into empty ones. */
export async function killedRestores(box: Sandbox, { seed, turns }: Omit<Series, 'signal'>): Promise<void> {
  writeFileSync(join(box.source, 'big'), randomBytes(3 << 20));
  for (let count = 0; count < 100; count += 1) writeFileSync(join(box.source, 'etc', `file-${count}`), `${count}`);
  await backup(box);
  writeFileSync(join(box.source, 'etc/file-7'), 'of the second point');
  await backup(box);
  const original = contents(box.source);
  const before = objectsOf(box);
  const next = random(seed);
  const { moments } = await measured(box, ['restore', 'latest', '--to', join(box.base, 'first')]);
  let kills = 0;
  for (let turn = 0; turn < turns; turn += 1) {
    const known = runsOf(box);
    const to = join(box.base, `to-${turn}`);
    if (turn % 3 === 0) mkdirSync(to);
    const { at, ended } = await kill(box, ['restore', 'latest', '--to', to], moments, next);
    const where = `seed ${seed}, restore ${turn}, killed at ${at}`;
    if (ended.code === null) kills += 1;
    const id = openRun(box, known);
    if (id === undefined) {
      // Before it began, or when all was done.
      expectAllOrNothing(box, to, original, where);
    } else if (next() < 0.3) {
      expect(await box.ask('runs', 'resume', id, '--undo'), where).toMatchObject({ code: 0 });
      expectAllOrNothing(box, to, original, where);
    } else {
      await resumed(box, { id, known, moments, next, where });
      expect(contents(join(to, box.source)), where).toEqual(original);
      expectNoStage([to], where);
    }
    rmSync(to, { recursive: true, force: true });
  }
  console.log(`seed ${seed}: ${kills} of ${turns} restores were killed`);
  expect(objectsOf(box)).toEqual(before);
}

interface Replaced {
  /** Of `restore`. */
  readonly args: readonly string[];
  /** Where the source of the sandbox is restored to. */
  readonly top: string;
  /** The directories in which it makes its files, one on each filesystem. */
  readonly stages: readonly string[];
}

/** Restores over a tree that differs: each file is the old one or the new one, and what the point does not have stays. */
async function killedReplacements(
  box: Sandbox,
  { args, top, stages }: Replaced,
  { seed, turns }: Omit<Series, 'signal'>,
): Promise<void> {
  for (let index = 0; index < 40; index += 1) writeFileSync(join(box.source, `f${index}`), randomBytes(40_000));
  writeFileSync(join(box.source, 'z big'), randomBytes(6 << 20));
  await backup(box);
  const original = contents(box.source);
  const objects = objectsOf(box);
  const changed: Record<string, string> = { mine: 'mine' };
  const change = () => {
    rmSync(top, { recursive: true, force: true });
    mkdirSync(top, { recursive: true });
    for (let index = 0; index < 40; index += 2) changed[`f${index}`] = `old ${index}`;
    for (const [name, content] of Object.entries(changed)) writeFileSync(join(top, name), content);
    writeFileSync(join(top, 'f1'), original['f1'] ?? '', 'latin1');
    chmodSync(join(top, 'f1'), 0o600);
  };
  const here = (where: string): string[] => {
    const now = contents(top);
    for (const [name, content] of Object.entries(now)) {
      expect([original[name], changed[name]], `${where}: ${name}`).toContain(content);
    }
    expect(now, where).toMatchObject({ mine: 'mine', f1: original['f1'] });
    return Object.keys(now);
  };
  const command = ['restore', 'latest', ...args];
  change();
  const { moments } = await measured(box, await agreed(box, command));
  const next = random(seed);
  let kills = 0;
  for (let turn = 0; turn < turns; turn += 1) {
    change();
    const known = runsOf(box);
    const same = await agreed(box, command);
    const { at, ended } = await kill(box, same, moments, next);
    if (ended.code === null) kills += 1;
    const way = ['resume', 'undo', 'again'][Math.floor(next() * 3)] ?? '';
    const where = `seed ${seed}, ${command.join(' ')} ${turn}, killed at ${at}, ${way}`;
    here(where);
    const id = openRun(box, known);
    if (id !== undefined && way === 'undo') {
      expect(await box.ask('runs', 'resume', id, '--undo'), where).toMatchObject({ code: 0 });
      // What was created is gone, unless all was in place by then; what was replaced by then stays replaced.
      const created = here(where).filter((name) => !(name in changed) && name !== 'f1');
      expect([0, Object.keys(original).length - 21], `${where}: ${created.join(' ')}`).toContain(created.length);
      expectNoStage(stages, where);
    } else if (id !== undefined && way === 'resume') {
      await resumed(box, { id, known, moments, next, where });
    } else {
      // Consent that was given for it holds for what is left.
      expect(await box.ask(...same), where).toMatchObject({ code: 0 });
    }
    const { code, json } = await box.ask(...(await agreed(box, command)));
    expect({ code, ...json.error }, where).toEqual({ code: 0 });
    expect(contents(top), where).toEqual({ ...original, mine: 'mine' });
    expect((await box.ask('--dry-run', ...command)).json, where).toMatchObject({ created: 0, overwritten: [] });
    expectNoStage(stages, where);
  }
  console.log(`seed ${seed}: ${kills} of ${turns} of ${command.join(' ')} were killed`);
  expect(objectsOf(box)).toEqual(objects);
}

/** The same with `--to` a directory that holds something. */
export async function killedRestoresOver(box: Sandbox, series: Omit<Series, 'signal'>): Promise<void> {
  const to = join(box.base, 'to');
  mkdirSync(to);
  await killedReplacements(box, { args: ['--to', to], top: join(to, box.source), stages: [to] }, series);
}

/** The same in place, in a layer over this machine's root, with the source on a filesystem of its own. */
export async function killedRestoresInPlace(box: Sandbox, series: Omit<Series, 'signal'>): Promise<void> {
  await using layered = await layeredRoot([box.base]);
  const start: Sandbox['start'] = (args, options) => box.start(args, { ...options, through: layered.enter });
  const inside: Sandbox = {
    ...box,
    start,
    run: (...args) => start(args).ended,
    ask: (...args) => start(['--json', '--quiet', ...args]).ended,
  };
  const replaced = { args: [box.source, '--in-place'], top: box.source, stages: [layered.path, box.base] };
  await killedReplacements(inside, replaced, series);
}

interface Resumed {
  readonly id: string;
  readonly known: ReadonlySet<string>;
  readonly moments: Moments;
  readonly next: () => number;
  readonly where: string;
}

/** To its end; sometimes the one that goes on is killed too. */
async function resumed(box: Sandbox, { id, known, moments, next, where }: Resumed): Promise<void> {
  if (next() < 0.3) {
    const again = await kill(box, ['runs', 'resume', id], moments, next);
    expect(again.ended.code ?? 0, `${where}, resumed, killed at ${again.at}: ${again.ended.stdout}`).toBe(0);
  }
  if (openRun(box, known) === undefined) return;
  expect(await box.ask('runs', 'resume', id), where).toMatchObject({ code: 0 });
}

/** What is in place by then cannot be taken back; otherwise nothing is left of it. */
function expectAllOrNothing(box: Sandbox, to: string, original: Record<string, string>, where: string): void {
  if (existsSync(join(to, box.source))) expect(contents(join(to, box.source)), where).toEqual(original);
  else expect(existsSync(to) ? readdirSync(to) : [], where).toEqual([]);
}

function expectNoStage(directories: readonly string[], where: string): void {
  const names = directories.flatMap((directory) => readdirSync(directory));
  expect(
    names.filter((name) => name.startsWith('.lifeboat')),
    where,
  ).toEqual([]);
}
