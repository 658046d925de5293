import { expect, test } from 'vitest';
import { machine } from '../../test/helpers/machines.ts';
import { recordedHost } from '../host/recorded.ts';
import { captureLayout } from './capture.ts';
import { type Layout, parseLayout } from './types.ts';

const empty: Layout = {
  format: 'lifeboat.layout/1',
  capturedAt: '2026-11-21T12:00:00.000Z',
  components: [],
  gaps: [],
};
const swap = { kind: 'swap', id: 's', on: [], sizeBytes: 1, active: true };

test('fields of a later minor version are accepted', () => {
  expect(parseLayout({ ...empty, extra: 1, components: [{ ...swap, extra: 2 }] }).components).toEqual([swap]);
});

test('a mount of an earlier version was mounted', () => {
  const mount = {
    kind: 'mount',
    id: 'm',
    on: [],
    path: '/',
    source: 's',
    fstype: 'ext4',
    options: '',
    root: '/',
    category: 'local',
  };
  expect(parseLayout({ ...empty, components: [mount] }).components).toEqual([{ ...mount, mounted: true }]);
});

test.each([
  [{ ...empty, format: 'lifeboat.layout/2' }, 'newer-format', 'lifeboat.layout/2, newer'],
  [{ ...empty, format: 'lifeboat.facts/1' }, 'record-damaged', 'not a lifeboat.layout document'],
  ['text', 'record-damaged', 'its format is null'],
  [
    { ...empty, components: [{ ...swap, kind: 'swop' }] },
    'record-damaged',
    'components[0].kind: no kind "swop"; did you mean "swap"?',
  ],
  [{ ...empty, components: [{ id: 's', on: [] }] }, 'record-damaged', 'components[0].kind'],
  [{ ...empty, components: [swap, { ...swap, sizeBytes: '1 GiB' }] }, 'record-damaged', 'components[1].sizeBytes'],
  [
    { ...empty, components: [{ ...swap, on: ['nothing'] }] },
    'record-damaged',
    'components[0] stands on "nothing" (on[0]), which is not there',
  ],
  [
    { ...empty, components: [swap, { ...swap, id: 't', on: ['S'] }] },
    'record-damaged',
    'components[1] stands on "S" (on[0]), which is not there; did you mean "s"?',
  ],
  [{ ...empty, components: [swap, swap] }, 'record-damaged', 'components[1] has the id "s", as components[0] has'],
  [
    { ...empty, components: [{ ...swap, on: ['s'] }] },
    'record-damaged',
    'components[0] stands, by way of "s", on itself',
  ],
  [
    {
      ...empty,
      components: [
        { ...swap, on: ['t'] },
        { ...swap, id: 't', on: ['s'] },
      ],
    },
    'record-damaged',
    'components[0] stands, by way of "t", on itself',
  ],
  [
    { ...empty, components: [{ ...swap, id: '\u001b[31m', on: ['x'] }] },
    'record-damaged',
    'components[0] stands on "x"',
  ],
])('what is wrong is named with its place: %#', (document, code, message) => {
  expect(() => parseLayout(document)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) }),
  );
});

test('each field of each kind, when it is edited into nonsense, is named', async ({ signal }) => {
  const layout = await captureLayout(recordedHost(machine('debian12')), new Date(), signal);
  const kinds = new Map(layout.components.map((component, index) => [component.kind, index]));
  for (const [kind, index] of kinds) {
    const component = layout.components[index];
    for (const [key, value] of Object.entries(component ?? {})) {
      if (key === 'kind') continue;
      // No field may be a list with a list in it.
      const document = structuredClone<unknown>(layout);
      const place = Object.values(Object(document)).find(
        (one) => Array.isArray(one) && one.length === layout.components.length,
      );
      Object.assign(Array.isArray(place) ? place[index] : {}, { [key]: [[value]] });
      expect(() => parseLayout(document), `${kind}.${key}`).toThrow(
        expect.objectContaining({ message: expect.stringContaining(`components[${index}].${key}`) }),
      );
    }
  }
});
