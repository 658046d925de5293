/**
 * A workflow made to be killed: each step tells in `effects` when its body begins and ends, writes in several small
 * parts, and one holds something until the end, one leaves a half-done deed behind when it is killed.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stepsOf } from '../../src/workflow/define.ts';
import { stage, type Workflow, workflow } from '../../src/workflow/workflow.ts';

interface ToyState {
  readonly folder: string;
  readonly plain: number;
  readonly held: string;
  readonly deed: string;
  readonly checked: boolean;
  readonly sum: number;
}

const step = stepsOf<ToyState>();
const PART_MS = 4;

function tell(folder: string, what: string): void {
  appendFileSync(join(folder, 'effects'), `${what}\n`);
}

async function inParts(path: string, parts: number): Promise<void> {
  for (let part = 0; part < parts; part += 1) {
    appendFileSync(path, `${part}\n`);
    await sleep(PART_MS);
  }
}

const plain = step({
  id: 'plain',
  title: 'Write a file over again',
  needs: ['folder'],
  gives: ['plain'],
  run: async ({ state: { folder } }) => {
    tell(folder, 'start make.plain');
    writeFileSync(join(folder, 'plain'), '');
    await inParts(join(folder, 'plain'), 5);
    tell(folder, 'end make.plain');
    return { plain: 5 };
  },
});

const hold = step({
  id: 'hold',
  title: 'Hold a folder until the end',
  needs: ['folder'],
  gives: ['held'],
  cleanups: {
    async release({ path }: { path: string }) {
      rmSync(path, { recursive: true, force: true });
    },
  },
  run: async ({ state: { folder }, atEnd }) => {
    const path = join(folder, 'held');
    tell(folder, 'start make.hold');
    await atEnd('release', { path });
    mkdirSync(path);
    await sleep(PART_MS);
    tell(folder, 'end make.hold');
    return { held: path };
  },
});

const deed = step({
  id: 'deed',
  title: 'Do something that must not be left half done',
  needs: ['folder', 'held'],
  gives: ['deed'],
  cleanups: {
    async takeBack({ path }: { path: string }) {
      rmSync(`${path}.part`, { force: true });
      rmSync(path, { force: true });
    },
  },
  run: async ({ state: { folder, held }, onFailure }) => {
    const path = join(folder, 'deed');
    tell(folder, 'start change.deed');
    if (!existsSync(held)) throw new Error('what an earlier step holds is gone');
    await onFailure('takeBack', { path });
    // Fails when an earlier attempt was left behind.
    writeFileSync(`${path}.part`, '', { flag: 'wx' });
    await inParts(`${path}.part`, 5);
    if (existsSync(path)) throw new Error('the deed was done before');
    renameSync(`${path}.part`, path);
    tell(folder, 'end change.deed');
    return { deed: path };
  },
});

const check = step({
  id: 'check',
  title: 'Look at the deed',
  needs: ['folder', 'deed', 'held'],
  gives: ['checked'],
  run: async ({ state: { folder, deed: path, held } }) => {
    tell(folder, 'start change.check');
    await sleep(PART_MS);
    const good = readFileSync(path, 'utf8') === '0\n1\n2\n3\n4\n' && existsSync(held);
    tell(folder, 'end change.check');
    return { checked: good };
  },
});

const sum = step({
  id: 'sum',
  title: 'Put it together',
  needs: ['folder', 'plain', 'checked'],
  gives: ['sum'],
  run: async ({ state }) => {
    tell(state.folder, 'start finish.sum');
    await sleep(PART_MS);
    tell(state.folder, 'end finish.sum');
    return { sum: state.plain + (state.checked ? 1 : 0) };
  },
});

export const toyWorkflow: Workflow = workflow({
  name: 'toy',
  title: 'A workflow made to be killed',
  inputs: ['folder'],
  stages: [stage('make', [plain, hold]), stage('change', [deed, check]), stage('finish', [sum])],
});
