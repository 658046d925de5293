import { expect, test } from 'vitest';
import { LifeboatError } from '../kernel/errors.ts';
import type { Qmp } from '../qemu/qmp.ts';
import type { Disk } from '../qemu/spec.ts';
import { HotPlug } from './hot-plug.ts';

const { signal } = new AbortController();
const disk = (serial: string): Disk => ({ file: '/d', format: 'qcow2', serial, bus: 'virtio' });

/** Notes what it is told, and refuses the devices of these disks. */
function noting(refused: readonly string[] = []) {
  const said: string[] = [];
  const qmp: Qmp = {
    async execute(command, args) {
      const words = 'bus' in args && 'serial' in args ? [args.serial, args.bus] : Object.values(args).filter(isText);
      said.push([command, ...words].join(' '));
      if (command === 'device_add' && 'serial' in args && refused.includes(String(args.serial))) {
        throw new LifeboatError('machine-failed', 'refused');
      }
      return {};
    },
    onEvent: () => () => undefined,
    async [Symbol.asyncDispose]() {},
  };
  return { plug: new HotPlug(qmp), said };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

test('disks that are put in at once come into places of their own', async () => {
  const { plug, said } = noting();
  await Promise.all(['A', 'B'].map((serial) => plug.add(disk(serial), signal)));
  expect(said.filter((line) => line.startsWith('device_add'))).toEqual(['device_add A slot1', 'device_add B slot2']);
});

test('of a disk that is refused nothing stays, and its place is free', async () => {
  const { plug, said } = noting(['B']);
  await expect(plug.add(disk('B'), signal)).rejects.toMatchObject({ message: 'refused' });
  expect(said.at(-1)).toBe('blockdev-del node-B');
  for (let number = 1; number <= 8; number += 1) await plug.add(disk(`C${number}`), signal);
  await expect(plug.add(disk('D'), signal)).rejects.toMatchObject({ code: 'unsupported' });
});
