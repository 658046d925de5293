/** Which disks a recovery takes, and which it leaves alone: with a repository on one of them, and with policies that name some. */
import { expect, test } from 'vitest';
import { layoutOf, mount } from '../../test/helpers/small-layout.ts';
import { disksOf } from '../layout/rebuild/site.ts';
import type { Component, ComponentOf, Layout } from '../layout/types.ts';
import { policySchema } from '../layout/rebuild/policy.ts';
import { allowedUnattended } from './consent.ts';
import { planFor, repositoryDisks } from './plan.ts';
import { standingDisks, standingPart, standingPlan } from './standing.ts';

const size = 1 << 30;
const names = { map: [], only: [], exclude: [], rewrite: [] };

/** Its root on the first, data on the second, and a filesystem with its repository on the third. */
const places = [
  ['A', '/'],
  ['B', '/srv'],
  ['C', '/backup'],
] as const;

const geometry = {
  bits: 32,
  sectorSize: 512,
  sectorsPerCluster: 8,
  reservedSectors: 32,
  tableCount: 2,
  tableSectors: 2044,
  rootEntries: 0,
  totalSectors: (size - (2 << 20)) / 512,
  hiddenSectors: 2048,
  sectorsPerTrack: 63,
  heads: 255,
  mediaDescriptor: 0xf8,
} as const;

function machine(): Layout {
  const components = places.flatMap(([name, path]): Component[] => {
    const [disk, table, partition, filesystem] = [`disk:${name}`, `table:${name}`, `partition:${name}`, `vfat:${name}`];
    const sizeBytes = size - (2 << 20);
    return [
      diskOf(name),
      { kind: 'table', id: table, on: [disk], type: 'gpt', uuid: `uuid-${name}`, geometry: { sectorSize: 512 } },
      {
        kind: 'partition',
        id: partition,
        on: [table],
        device: `/dev/${name}1`,
        number: 1,
        startBytes: 1 << 20,
        sizeBytes,
      },
      { kind: 'vfat', id: filesystem, on: [partition], type: 'vfat', geometry, uuid: `AAAA-000${name}`, sizeBytes },
      mount(path, { on: [filesystem], mounted: true }),
    ];
  });
  return layoutOf(...components);
}

const diskOf = (name: string, more: Partial<ComponentOf<'disk'>> = {}): ComponentOf<'disk'> => ({
  kind: 'disk',
  id: `disk:${name}`,
  on: [],
  device: `/dev/${name}`,
  serial: name,
  busPath: `slot-${name}`,
  sizeBytes: size,
  rotational: false,
  removable: false,
  readOnly: false,
  ...more,
});

/** The machine as it is found in the rescue system: nothing is mounted but what holds the repository. */
const foundOf = ({ components, ...rest }: Layout, ...more: readonly Component[]): Layout => ({
  ...rest,
  components: [...components.filter((one) => one.kind !== 'mount' || one.path === '/backup'), ...more],
});

const repository = 'file:///backup/points';
const plain = { names, grow: false, repositories: [] };
const none = new Set<string>();
/** New disks in place of the first two; the third is the one that was there. */
function lost(more: Partial<ComponentOf<'disk'>> = {}): Layout {
  const wanted = machine();
  const own = new Set(
    ['A', 'B'].flatMap((name) => ['disk', 'table', 'partition', 'vfat'].map((kind) => `${kind}:${name}`)),
  );
  const left = { ...wanted, components: wanted.components.filter(({ id }) => !own.has(id)) };
  return foundOf(left, diskOf('X', more), diskOf('Y', more));
}

test('the disk of the machine that holds the repository stays as it is, without being told so', () => {
  const [wanted, found] = [machine(), lost()];
  const held = repositoryDisks({ repositories: [] }, repository, found);
  expect(held).toEqual(['disk:C']);
  const looked = { blank: new Set(['disk:X', 'disk:Y']), silent: none };
  const plan = planFor(plain, wanted, { found, looked, held, policies: [], directory: '/backup/points' });
  expect(plan.disks.map(({ id }) => id).sort()).toEqual(['disk:X', 'disk:Y']);
  expect(plan.actions.flatMap(({ writes }) => writes)).not.toContain('disk:C');
  expect(plan.layout.components.map(({ id }) => id)).not.toContain('vfat:C');
  // Also one that lies on another repository, and one that says nothing of itself and is plugged in elsewhere.
  expect(repositoryDisks({ repositories: [repository] }, 'sftp://x@y/z', found)).toEqual(['disk:C']);
  const moved = foundOf({
    ...found,
    components: found.components.map((one) =>
      one.id === 'disk:C'
        ? diskOf('elsewhere')
        : { ...one, on: one.on.map((id) => (id === 'disk:C' ? 'disk:elsewhere' : id)) },
    ),
  });
  const there = repositoryDisks({ repositories: [] }, repository, moved);
  expect(there).toEqual(['disk:elsewhere']);
  const other = planFor(plain, wanted, {
    found: moved,
    looked,
    held: there,
    policies: [],
    directory: '/backup/points',
  });
  expect(other.disks.map(({ id }) => id).sort()).toEqual(['disk:X', 'disk:Y']);
});

test('a policy that names disks takes just these, whatever is on them', () => {
  const wanted = machine();
  // Something is on both, which nobody knows; a third is blank, and not named.
  const found = { ...lost(), components: [...lost().components, diskOf('Z')] };
  const looked = { blank: new Set(['disk:Z']), silent: none };
  const here = { found, looked, held: ['disk:C'] };
  const named = policySchema.parse({ serials: ['X'], slots: ['slot-Y'] });
  const plan = planFor(plain, wanted, { ...here, policies: [named] });
  expect(plan.disks.map(({ id, blank }) => `${id} ${blank}`).sort()).toEqual(['disk:X false', 'disk:Y false']);
  expect(() => allowedUnattended(plan, [named])).not.toThrow();
  // What the loader says only narrows.
  expect(() => planFor(plain, wanted, { ...here, policies: [named, 'blank-disks'] })).toThrow(
    /names no disk that is here/,
  );
  expect(() => planFor(plain, wanted, { ...here, policies: [named, policySchema.parse({ serials: ['Y'] })] })).toThrow(
    /no disk here takes the place of/,
  );
  expect(() => planFor(plain, wanted, { ...here, policies: [policySchema.parse({ serials: ['Q'] })] })).toThrow(
    /names no disk that is here/,
  );
  // Blank ones, and no others, where none is named; and the repository is nobody's.
  expect(() => planFor(plain, wanted, { ...here, policies: ['blank-disks'] })).toThrow(/something is on it/);
  const all = policySchema.parse({ serials: ['X', 'C'] });
  expect(() => planFor(plain, wanted, { ...here, policies: [all], directory: '/backup/points' })).toThrow(
    /no disk here takes the place of/,
  );
});

test('of a machine that stands, only what it stands on can be written to', () => {
  const wanted = machine();
  const found = foundOf(wanted, diskOf('foreign'));
  const held = repositoryDisks({ repositories: [] }, repository, found);
  const disks = (exclude: readonly string[]) => {
    const part = standingPart(wanted, found, { exclude }, held);
    return { own: standingDisks(part, found), plan: standingPlan(wanted, part, found) };
  };
  expect(disks([]).own).toEqual(['disk:A', 'disk:B']);
  for (const name of ['/srv', 'B', 'disk:B']) {
    const { own, plan } = disks([name]);
    expect(own).toEqual(['disk:A']);
    expect(plan.layout.components.map(({ id }) => id)).not.toContain('mount:/srv');
    expect(disksOf(plan.layout).map(({ id }) => id)).toEqual(['disk:A']);
  }
  // What was there, and not in use.
  const unused = { ...wanted, components: wanted.components.filter(({ id }) => id !== 'mount:/srv') };
  expect(standingDisks(standingPart(unused, found, names, held), found)).toEqual(['disk:A']);
});
