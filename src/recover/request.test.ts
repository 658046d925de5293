import { expect, test } from 'vitest';
import type { Plan } from '../layout/rebuild/document.ts';
import type { ComponentOf } from '../layout/types.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { allowedUnattended, configuredConsent } from './consent.ts';
import { wantedPassphrase } from './keys.ts';
import { parts, partsOf } from './request.ts';

const none = { mountOnly: false, layoutOnly: false, filesOnly: false };

test.each([
  [{}, parts],
  [{ layoutOnly: true }, ['recreate']],
  [{ mountOnly: true }, ['mount']],
  [{ filesOnly: true }, ['mount', 'restore']],
  [{ from: 'recreate' }, parts],
  [{ from: 'mount' }, ['mount', 'restore', 'finalize', 'prove', 'end']],
  [{ from: 'finalize' }, ['mount', 'finalize', 'prove', 'end']],
  [{ from: 'prove' }, ['mount', 'prove', 'end']],
] as const)('%j', (options, done) => expect(partsOf({ ...none, ...options })).toEqual(done));

test('parts that there are not, and several wishes at once, are refused', () => {
  expect(() => partsOf({ ...none, from: 'agree' })).toThrow('cannot go on from "agree"');
  // Nothing would have been proven.
  expect(() => partsOf({ ...none, from: 'end' })).toThrow('cannot go on from "end"');
  expect(() => partsOf({ ...none, from: 'mount', filesOnly: true })).toThrow('only one of');
});

/** One disk, of which no more is said than what policies look at. */
function planOn(disk: Partial<Plan['disks'][number]>): Plan {
  const one = { id: 'disk:S1', device: '/dev/vda', sizeBytes: 1 };
  const rest = { serial: 'S1', rotational: false, removable: false, readOnly: false };
  const component: ComponentOf<'disk'> = { kind: 'disk', on: [], ...one, ...rest };
  const layout = { format: 'lifeboat.layout/1', capturedAt: '2026-11-22T06:00:00.000Z', gaps: [] } as const;
  const plain = { id: one.id, device: one.device, sizeBytes: 1, blank: true, from: 'disk:S0', score: 1, reasons: [] };
  return {
    format: 'lifeboat.plan/1',
    disks: [{ ...plain, certainty: 'equivalent', destroys: [], ...disk }],
    untouched: [],
    of: 'of',
    before: { ...layout, gaps: [], components: [] },
    layout: { ...layout, gaps: [], components: [component] },
    fates: { old: [], new: [] },
    actions: [],
    notes: [],
  };
}

test.each([
  ['a blank disk', {}, ['blank-disks'], undefined],
  ['a disk with something on it', { blank: false }, ['blank-disks'], 'something is on the disk'],
  ['one that is only the most alike', { certainty: 'likely' }, ['blank-disks'], 'is only the most alike'],
  ['one that is named', { blank: false }, [{ serials: ['S1'], slots: [] }], undefined],
  [
    'one that is named by the configuration alone',
    { blank: false },
    [{ serials: ['S1'], slots: [] }, 'blank-disks'],
    'something is on',
  ],
  [
    'one that the loader names alone',
    {},
    [
      { serials: ['S2'], slots: [] },
      { serials: ['S1'], slots: [] },
    ],
    'does not name',
  ],
  ['anything, where a person shall be asked', {}, ['blank-disks', 'ask'], 'a person has to be asked'],
] as const)('of nobody is asked for: %s', (_, disk, policies, reason) => {
  const asking = () => allowedUnattended(planOn(disk), policies);
  if (reason === undefined) expect(asking).not.toThrow();
  else expect(asking).toThrow(reason);
});

test('what a configuration says counts as far as somebody vouches for it', () => {
  const named = { serials: ['S1'], slots: [] };
  expect(configuredConsent(named, 'trusted', true)).toBe(named);
  expect(configuredConsent(named, 'unsigned', false)).toBe('ask');
  expect(configuredConsent('blank-disks', 'unsigned', false)).toBe('blank-disks');
  expect(configuredConsent('blank-disks', 'wrong', true)).toBe('ask');
  // Whoever takes the signature away may have written the rest.
  expect(configuredConsent('blank-disks', 'unsigned', true)).toBe('ask');
});

test('a failure for want of a passphrase says whose', () => {
  const hint = 'Nothing was touched. Give its passphrase at the terminal, or as the secret luks-1a2b-3c.';
  expect(wantedPassphrase(new LifeboatError('no-key', 'nothing opens it', { hint }))).toBe('1a2b-3c');
  expect(wantedPassphrase(new LifeboatError('no-key', 'another key'))).toBeUndefined();
});
