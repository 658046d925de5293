import { expect, test } from 'vitest';
import { bootMachine, type BootMachine } from '../../test/helpers/boot-machines.ts';
import { recordedHost } from '../host/recorded.ts';
import { captureLayout } from '../layout/capture.ts';
import type { Component, Layout } from '../layout/types.ts';
import { refuseUnstartable } from './fits.ts';

const layoutOf = async (name: BootMachine): Promise<Layout> =>
  await captureLayout(recordedHost(bootMachine(name)), new Date('2026-11-21T12:00:00Z'), new AbortController().signal);
const without = (layout: Layout, keep: (one: Component) => boolean): Layout => ({
  ...layout,
  components: layout.components.filter(keep),
});
const untyped = (layout: Layout, type: RegExp): Layout => ({
  ...layout,
  components: layout.components.map((one) =>
    one.kind === 'partition' && type.test(one.typeId ?? '') ? { ...one, typeId: '0x83' } : one,
  ),
});

test('a system is made only for a firmware that could start it', async () => {
  const bios = await layoutOf('debian12-bios');
  const uefi = await layoutOf('debian13-secure-boot');
  for (const layout of [bios, uefi]) {
    for (const firmware of ['bios', 'uefi'] as const)
      expect(() => refuseUnstartable(layout, layout, firmware)).not.toThrow();
  }
  expect(() => refuseUnstartable(uefi, untyped(uefi, /^c12a7328/), 'uefi')).toThrow('no EFI system partition');
  expect(() => refuseUnstartable(uefi, untyped(uefi, /^21686148/), 'bios')).toThrow(
    'no disk with its /boot will have room',
  );
  // What starts it, nobody knows.
  const bare = without(bios, ({ kind }) => kind !== 'loader');
  expect(() => refuseUnstartable(bare, untyped(bare, /./), 'bios')).not.toThrow();
  expect(() =>
    refuseUnstartable(
      without(uefi, ({ kind }) => kind !== 'boot'),
      untyped(uefi, /./),
      'uefi',
    ),
  ).not.toThrow();
});
