import { expect, test } from 'vitest';
import { localHost } from '../host/local.ts';
import { type Action, actionSchema } from './action.ts';
import { refuseWithoutTools } from './preflight.ts';

const { signal } = new AbortController();

const running = (...argvs: readonly Action['commands'][number]['argv'][]): Action =>
  actionSchema.parse({
    id: 'one',
    title: 'one',
    component: 'one',
    writes: [],
    commands: argvs.map((argv) => ({ argv })),
  });

test('all programs that are not there are named at once, also those that a script starts', async () => {
  const action = running(
    ['true'],
    ['mkfs.first', '-q'],
    ['sh', '-euc', 'exec mkfs.second "$@"', 'mkfs.second', { device: 'disk:A' }],
    ['env', 'A=b', 'C=d', 'sh', '-euc', 'exec mkfs.third', 'mkfs.third'],
    ['env', 'A=b', 'mkfs.fourth', '-q', '-f', '-K'],
    ['bash', '-euc', 'true "$1"', 'bash', 'no-program'],
  );
  await expect(refuseWithoutTools([action], localHost(), signal)).rejects.toMatchObject({
    code: 'tool-missing',
    message: 'no such program: mkfs.first, mkfs.second, mkfs.third, mkfs.fourth',
  });
});

test('nothing is said where all are there', async () => {
  await refuseWithoutTools([running(['sh', '-euc', 'true', 'sh'], ['env', 'A=b', 'true'])], localHost(), signal);
});
