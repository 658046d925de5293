/** Rescue media: made by the command, started by a machine without disks, until their menu answers. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startMachine } from '../../../src/machine/machine.ts';
import { cachePath } from '../../helpers/cache.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { labEmulation } from '../prepared.ts';

const program = join(import.meta.dirname, '../../../bin/lifeboat.js');

test('an image starts by BIOS in 1 GiB, and its menu answers on the serial line', { timeout: 1_800_000 }, async ({
  signal,
}) => {
  await using work = await temporaryDirectory();
  const output = join(work.path, 'rescue.iso');
  const state = cachePath('lab/rescue');
  const args = [program, '--state-dir', state, 'rescue', 'build', '--output', output, '--kernel', 'debian', '--json'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect({ status, stderr }).toMatchObject({ status: 0 });
  const { medium } = JSON.parse(stdout);
  expect(medium).toMatchObject({ format: 'lifeboat.medium/1', secrets: [] });
  const emulation = await labEmulation(signal);
  const cd = { file: output, bootIndex: 1 };
  const cards = [{ network: { kind: 'user' } }] as const;
  const bare = { name: 'rescue', memoryMiB: 1024, cpus: 1, firmware: { kind: 'bios' }, disks: [] } as const;
  await using machine = await startMachine({ ...bare, cards, cd, screen: true }, emulation, signal);
  await machine.serial.waitFor(/lifeboat rescue for .*, ssh by SHA256:/, 900_000, signal);
  await machine.serial.waitFor(/Number, or arrow keys, then Enter:/, 900_000, signal);
  await machine.serial.type('6\n', signal);
  await machine.serial.waitFor(/# $/m, 300_000, signal);
  await machine.serial.type('echo ready-$((40 + 2))\n', signal);
  await machine.serial.waitFor(/ready-42/, 300_000, signal);
});
