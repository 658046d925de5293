/** Whatever one answer says, a layout comes of it that can be read again. A sample: `test/long/nonsense.test.ts` tries all. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { capturesOfNonsense, changesOfFailures } from '../../test/helpers/nonsense.ts';
import { recordedHost, recordingSchema } from '../host/recorded.ts';
import { nameFromBytes, nameToBytes } from '../kernel/text.ts';
import { captureLayout } from './capture.ts';
import { layoutChanges } from './diff.ts';
import { type Component, type Layout, parseLayout } from './types.ts';

test('nonsense in one answer costs no more than that answer', async ({ signal }) => {
  expect(await capturesOfNonsense(97, signal)).toBeGreaterThan(200);
});

test('what one question would have told, and did not, has not changed', async ({ signal }) => {
  const { count, told } = await changesOfFailures(29, signal);
  expect(told).toEqual([]);
  expect(count).toBeGreaterThan(100);
});

async function capture(name: string, change: (argv: readonly string[], said: Buffer) => void): Promise<Layout> {
  const file = join(import.meta.dirname, `../../test/fixtures/lab/${name}.json`);
  const recording = recordingSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  const commands = recording.commands.map((command) => {
    const said = nameToBytes(command.stdout);
    change(command.argv, said);
    return { ...command, stdout: nameFromBytes(said) };
  });
  const layout = await captureLayout(
    recordedHost({ ...recording, commands }),
    new Date('2026-11-21T12:00:00Z'),
    new AbortController().signal,
  );
  expect(parseLayout(JSON.parse(JSON.stringify(layout)))).toEqual(layout);
  return layout;
}

const ids = ({ components }: Layout): string[] => components.map(({ id }) => id);
const gapsOf = (layout: Layout): string[] => layout.gaps.map(({ subject }) => subject);
const isSuperblock = (argv: readonly string[]): boolean => argv[0] === 'dd' && argv.includes('skip=16');

test('a number on a device that cannot be is a gap of the device, and costs no component', async () => {
  const unchanged = () => undefined;
  const damaged: readonly [string, (argv: readonly string[], said: Buffer) => void][] = [
    ['bcache.debian12', (argv, said) => void (isSuperblock(argv) && said.writeBigUInt64LE(1n << 60n, 184))],
    ['bcache.debian12', (argv, said) => void (isSuperblock(argv) && said.writeBigUInt64LE(1n << 40n, 184))],
    ['integrity.debian12', (_, said) => void (said.toString('latin1', 0, 7) === 'integrt' && said.writeUInt8(22, 28))],
    ['integrity.debian12', (_, said) => void (said.toString('latin1', 0, 7) === 'integrt' && said.writeUInt8(200, 9))],
  ];
  for (const [name, change] of damaged) {
    const [whole, found] = [await capture(name, unchanged), await capture(name, change)];
    expect(gapsOf(whole)).toEqual([]);
    expect(gapsOf(found)).toEqual(expect.arrayContaining([expect.stringMatching(/^\/dev\/|^bcache:/)]));
    expect(ids(found)).toHaveLength(ids(whole).length);
  }
});

test('what changed elsewhere is told, though a question failed', async () => {
  const whole = await capture('lvm-on-md.debian12', () => undefined);
  const partial = await capture('lvm-on-md.debian12', ([program], said) => void (program === 'lvs' && said.fill('x')));
  expect(gapsOf(partial)).toContain('lvs');
  const another: Component = {
    kind: 'disk',
    id: 'disk:X',
    on: [],
    device: '/dev/sdx',
    sizeBytes: 1 << 30,
    rotational: false,
    removable: false,
    readOnly: false,
  };
  const changes = layoutChanges(whole, { ...partial, components: [...partial.components, another] });
  expect(changes).toMatchObject([{ subject: 'disk:X', change: 'added', risk: 'data' }]);
});
