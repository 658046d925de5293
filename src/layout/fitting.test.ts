import { describe, expect, test } from 'vitest';
import { madeHost } from '../../test/helpers/made-host.ts';
import type { Gap } from '../host/gap.ts';
import { asker } from '../host/asker.ts';
import { fitting, guarded } from './fitting.ts';
import { probeLayout } from './probes.ts';
import { claimsOf } from './stacked.ts';
import { type Component, type ComponentOf, handlerOf, parseLayout } from './types.ts';

const swap = (id: string, on: readonly string[] = []): Component => ({
  kind: 'swap',
  id,
  on: [...on],
  sizeBytes: 4096,
  active: false,
});

const disk = (id: string, device: string): ComponentOf<'disk'> => ({
  kind: 'disk',
  id,
  on: [],
  device,
  sizeBytes: 4096,
  rotational: false,
  removable: false,
  readOnly: false,
});

function fitted(components: readonly Component[]): { readonly left: Component[]; readonly gaps: Gap[] } {
  const gaps: Gap[] = [];
  const left = fitting(components, (gap) => void gaps.push(gap));
  const layout = { format: 'lifeboat.layout/1', capturedAt: '2026-11-21T12:00:00Z', components: left, gaps };
  expect(parseLayout(JSON.parse(JSON.stringify(layout))).components).toEqual(left);
  return { left, gaps };
}

describe('what was captured', () => {
  test('and fits together stays as it is, with no gap', () => {
    const all = [disk('disk:a', '/dev/sda'), swap('swap:a', ['disk:a'])];
    expect(fitted(all)).toEqual({ left: all, gaps: [] });
  });

  test('loses what cannot be, and with an attribute that it must have it is left out with the edges to it', () => {
    const sized = { ...disk('disk:a', '/dev/sda'), sizeBytes: -1 };
    const loop: Component = {
      kind: 'loop',
      id: 'loop:/image',
      on: ['disk:a'],
      device: '/dev/loop0',
      file: '/image',
      sizeBytes: 512,
      offsetBytes: Number.NaN,
      readOnly: false,
      partitions: false,
      directIo: false,
    };
    const { left, gaps } = fitted([sized, swap('swap:a', ['disk:a']), loop]);
    expect(left).toMatchObject([
      { id: 'swap:a', on: [] },
      { id: 'loop:/image', on: [] },
    ]);
    expect(left[1]).not.toHaveProperty('offsetBytes');
    expect(gaps.map(({ subject, problem }) => `${subject}: ${problem}`)).toEqual([
      expect.stringMatching(/^\/dev\/sda: it is left out.*sizeBytes: /),
      expect.stringMatching(/^\/dev\/loop0: what was said of its offsetBytes cannot be/),
      'swap:a: what it stands on is not told in full, as it stands on "disk:a" (on[0]), which is not there',
      '/dev/loop0: what it stands on is not told in full, as it stands on "disk:a" (on[0]), which is not there',
    ]);
  });

  test('keeps the first of two with one id, and no edge to where none stands', () => {
    const table: Component = { kind: 'table', id: 't', on: ['x'], type: 'gpt' };
    const { left, gaps } = fitted([disk('disk:a', '/dev/sda'), disk('disk:a', '/dev/sdb'), swap('x'), table]);
    expect(left).toEqual([disk('disk:a', '/dev/sda'), swap('x'), { ...table, on: [] }]);
    expect(gaps.map(({ subject }) => subject)).toEqual(['/dev/sdb', 't']);
  });

  test('loses one edge of a circle, and none of what stands above it', () => {
    const on = (id: string, under: readonly string[]): Component => ({
      kind: 'unknown',
      id,
      on: [...under],
      rawType: 'dm',
      sizeBytes: 1,
    });
    const { left, gaps } = fitted([on('w', ['x']), on('x', ['y']), on('y', ['x', 'z']), on('z', ['z'])]);
    expect(left.map((one) => one.on)).toEqual([['x'], [], ['x', 'z'], []]);
    expect(gaps.map(({ subject }) => subject)).toEqual(['x', 'z']);
  });
});

describe('a handler whose hooks throw', () => {
  const broken = handlerOf(disk('disk:a', '/dev/sda'));
  const fail = () => {
    throw new Error('cannot');
  };

  test('is a gap of its kind, and has seen nothing', async ({ signal }) => {
    const questions = asker(madeHost({}), signal);
    const hooks = { look: fail, deviceId: fail, mountId: fail, inner: fail, copy: fail, capture: fail, rest: fail };
    const probes = await probeLayout(asker(madeHost({}), signal), claimsOf([]));
    const one = guarded({ ...broken, ...hooks }, questions, signal);
    expect(await one.look?.([], questions)).toEqual([]);
    expect(await one.rest([], probes, questions)).toEqual([]);
    expect(await one.capture(probes, questions)).toEqual([]);
    expect(new Set(questions.gaps.map(({ subject, problem }) => `${subject}: ${problem}`))).toEqual(
      new Set(['kind disk: lifeboat failed to see them: cannot']),
    );
    expect(questions.gaps).toHaveLength(3);
  });

  test('but not when the capture is stopped', async () => {
    const stop = new AbortController();
    const questions = asker(madeHost({}), stop.signal);
    const probes = await probeLayout(questions, claimsOf([]));
    stop.abort();
    const one = guarded({ ...broken, capture: fail }, questions, stop.signal);
    await expect(one.capture(probes, questions)).rejects.toMatchObject({ code: 'interrupted' });
  });
});
