/** What stays as it is: nothing of it is written to, and what is made beside it does not touch it. */
import { expect, test } from 'vitest';
import { atRest, recordedLayout } from '../../../test/helpers/recorded-layouts.ts';
import { type Component, type Layout, parseLayout } from '../types.ts';
import type { Plan } from './document.ts';
import { planLayout, type PlanRequest } from './plan.ts';
import { ofKind } from './rewrites/edit.ts';

const plan = (request: Partial<PlanRequest> & Pick<PlanRequest, 'wanted' | 'found'>): Plan =>
  planLayout({ blank: new Set(), ...request });
const fateOf = (made: Plan, id: string) => made.fates.new.find((one) => one.id === id)?.fate;
const verbs = (made: Plan) => made.actions.map(({ id }) => id.replace(/ .*/, ''));
const disksIn = (layout: Layout) => new Set(ofKind(layout, 'disk').map(({ id }) => id));

test.each(['md-raid1', 'lvm-linear', 'raid1-lvm-luks', 'fs-btrfs-raid1', 'md-partitioned', 'luks2'])(
  '%s: where all disks stay there is nothing to do, also while they are in use',
  async (name) => {
    const wanted = await recordedLayout(`${name}.debian12`);
    const made = plan({ wanted, found: wanted, keep: disksIn(wanted) });
    expect(made.actions).toEqual([]);
    expect(made.disks).toEqual([]);
    expect(new Set([...made.fates.old, ...made.fates.new].map(({ fate }) => fate))).toEqual(new Set(['keep']));
  },
);

test('one partition stays: its table is edited, the disk is neither wiped nor marked', async () => {
  const wanted = await recordedLayout('raid1-lvm-luks.debian12');
  const found = atRest(wanted);
  const [kept] = ofKind(found, 'vfat');
  const partition = ofKind(found, 'partition').find(({ id }) => id === kept?.on[0]);
  if (kept === undefined || partition === undefined) throw new Error('no FAT in a partition');
  const disk = found.components.find(({ id }) => partition.on.includes(id))?.on[0] ?? '';
  const request = { wanted, found, keep: new Set([kept.id]) };
  // That the rest of the disks is lost has to be said.
  expect(() => plan(request)).toThrow('something is on it');
  const made = plan({ ...request, named: new Map([...disksIn(found)].map((id) => [id, id])) });
  expect([fateOf(made, kept.id), fateOf(made, partition.id)]).toEqual(['keep', 'reuse']);
  expect(made.disks.find(({ id }) => id === disk)?.destroys.map(({ id }) => id)).not.toContain(kept.id);
  expect(made.actions.map(({ id }) => id)).not.toContain(`mark ${disk}`);
  expect(made.actions.map(({ id }) => id)).not.toContain(`wipe ${disk}`);
  const [edit] = made.actions.filter(({ id }) => id.startsWith('edit '));
  expect(edit?.commands[0]?.argv.filter((word) => typeof word === 'string')).toEqual(
    'sfdisk --quiet --wipe never --wipe-partitions never --no-reread'.split(' '),
  );
  const touched = made.actions.flatMap(({ commands }) => commands).flatMap(({ argv }) => argv);
  expect(touched.flatMap((word) => (typeof word === 'object' ? [word.device] : []))).not.toContain(partition.id);
});

test('an array stays and what it holds is made anew; it is neither stopped nor made', async () => {
  const wanted = await recordedLayout('md-raid1.debian12');
  const found = atRest(wanted);
  const [array] = ofKind(found, 'md');
  const [ext] = ofKind(found, 'ext');
  if (array === undefined || ext === undefined) throw new Error('no array');
  const named = new Map([...disksIn(found)].map((id) => [id, id]));
  const made = plan({ wanted, found, named, reuse: new Set([array.id]) });
  expect([fateOf(made, array.id), fateOf(made, ext.id)]).toEqual(['reuse', 'create']);
  const ids = made.actions.map(({ id }) => id);
  expect(ids).not.toContain(`release ${array.id}`);
  expect(ids).not.toContain(`create ${array.id}`);
  expect(ids.filter((id) => id === `wipe ${array.id}` || id === `create ${ext.id}`)).toEqual([
    `wipe ${array.id}`,
    `create ${ext.id}`,
  ]);
});

test('a volume stays with its group and all other volumes of that, and what is on one of them', async () => {
  const wanted = await recordedLayout('lvm-linear.debian12');
  const found = atRest(wanted);
  const kept = ofKind(found, 'ext')[0];
  if (kept === undefined) throw new Error('no ext');
  const named = new Map([...disksIn(found)].map((id) => [id, id]));
  const other = ofKind(found, 'vg').find(({ name }) => name === 'other');
  const made = plan({ wanted, found, named, keep: new Set([kept.id, ...(other === undefined ? [] : [other.id])]) });
  const groups = ofKind(found, 'vg').map(({ id }) => fateOf(made, id));
  expect(new Set(groups)).not.toContain('create');
  expect(ofKind(found, 'lv').map(({ id }) => fateOf(made, id))).not.toContain('create');
  expect(fateOf(made, kept.id)).toBe('keep');
  expect(verbs(made)).not.toContain('release');
  expect(made.actions.map(({ id }) => id)).toContain(`create ${ofKind(found, 'swap')[0]?.id}`);
});

test('what cannot stay beside what is wanted is told', async () => {
  const wanted = await recordedLayout('md-raid1.debian12');
  const found = atRest(wanted);
  const [ext] = ofKind(found, 'ext');
  const [array] = ofKind(found, 'md');
  const named = new Map([...disksIn(found)].map((id) => [id, id]));
  const keep = new Set([ext?.id ?? '']);
  // Another machine's: its partition would lie where this one's array is.
  const moved: Layout = {
    ...found,
    components: found.components.map((one) =>
      one.kind === 'partition' && one.number === 1 ? { ...one, sizeBytes: one.sizeBytes + 2 ** 20 } : one,
    ),
  };
  expect(() => plan({ wanted: moved, found, named, keep })).toThrow('would be in its place');
  const without: Layout = { ...found, components: found.components.filter(({ id }) => id !== ext?.id) };
  expect(() => plan({ wanted, found: without, named, keep: new Set([array?.id ?? '']) })).toThrow(
    'is not on it any more',
  );
});

test('a volume that nobody has opened can stay as it is, and is not formatted', async () => {
  const wanted = await recordedLayout('luks2.debian12');
  const closed = (one: Component): Component => {
    if (one.kind !== 'luks') return one;
    const { device: _device, name: _name, ...rest } = one;
    return { ...rest, open: false };
  };
  const rest = atRest(wanted);
  const found = { ...rest, components: rest.components.filter(({ kind }) => kind !== 'ext').map(closed) };
  const [volume] = ofKind(found, 'luks');
  const [filesystem] = ofKind(wanted, 'ext');
  const named = new Map([...disksIn(found)].map((id) => [id, id]));
  const ids = new Set([volume?.id ?? '']);
  expect(() => plan({ wanted, found, named, reuse: ids })).toThrow('it is not open');
  const exclude = new Set([filesystem?.id ?? '']);
  expect(plan({ wanted, found, named, exclude, keep: ids }).actions).toEqual([]);
});

test('disks that stay are found by their serial numbers, whatever else is named', async () => {
  const wanted = await recordedLayout('raid1-lvm-luks.debian12');
  const disks = ofKind(wanted, 'disk');
  const spare = { ...disks[0], id: 'disk:SPARE', serial: 'SPARE', device: '/dev/sdz' };
  const found = parseLayout({ ...atRest(wanted), components: [...atRest(wanted).components, spare] });
  const made = plan({ wanted, found, blank: new Set(['disk:SPARE']), keep: disksIn(wanted) });
  expect(made.actions).toEqual([]);
  expect(made.untouched.some((title) => title.includes('SPARE'))).toBe(true);
});
