/** What a plan costs: 40 disks in 20 mirrors, four groups of LVM on them with 200 volumes, on blank disks of another size. */
import type { Component, ComponentOf, Layout } from '../../src/layout/types.ts';
import { planDigest } from '../../src/layout/rebuild/document.ts';
import { planLayout } from '../../src/layout/rebuild/plan.ts';
import { planText } from '../../src/layout/rebuild/text.ts';
import { filesystem, uuidOf } from '../helpers/random-contents.ts';

const mib = 1 << 20;
const extent = 4 * mib;
const diskBytes = 4_000_000 * mib;
const diskCount = 40;
const groupCount = 4;
const volumeCount = 200;

/** Seconds of processor that a plan, its digest and its text take, each time. */
export function planCosts(rounds: number): readonly number[] {
  const wanted = largeMachine();
  const found = blankMachine(wanted);
  const request = { wanted, found, blank: new Set(found.components.map(({ id }) => id)), grows: isExt };
  return Array.from({ length: rounds }, () => {
    const before = process.cpuUsage();
    const plan = planLayout(request);
    if (planDigest(plan) === '' || planText(plan).length < plan.actions.length) throw new Error('no plan');
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  });
}

const isExt = ({ kind }: Component): boolean => kind === 'ext';

function diskNamed(name: string, sizeBytes: number): ComponentOf<'disk'> {
  return {
    kind: 'disk',
    id: `disk:${name}`,
    on: [],
    device: `/dev/${name}`,
    serial: name,
    sizeBytes,
    logicalSector: 512,
    rotational: true,
    removable: false,
    readOnly: false,
  };
}

const layoutOf = (components: Component[]): Layout => ({
  format: 'lifeboat.layout/1',
  capturedAt: '2026-11-21T12:00:00.000Z',
  components,
  gaps: [],
});

const blankMachine = ({ components }: Layout): Layout =>
  layoutOf(
    components.flatMap((one, index) => (one.kind === 'disk' ? [diskNamed(`n${index}`, one.sizeBytes * 0.9)] : [])),
  );

function largeMachine(): Layout {
  const disks = Array.from({ length: diskCount }, (_, index) => diskNamed(`d${index}`, diskBytes));
  const members = disks.map(({ id }): Component => {
    const table = `table:${id}`;
    const name = `partition:${id}`;
    const place = { startBytes: mib, sizeBytes: diskBytes - 2 * mib, number: 1 };
    return { kind: 'partition', id: name, on: [table], device: `${id}1`, partUuid: uuidOf(name), ...place };
  });
  const tables = disks.map(({ id }): Component => {
    const geometry = { sectorSize: 512, alignmentBytes: mib, entries: 128 };
    return { kind: 'table', id: `table:${id}`, on: [id], type: 'gpt', uuid: uuidOf(id), geometry };
  });
  const arrays = Array.from({ length: diskCount / 2 }, (_, index) => mirrorOf(index, members));
  const physical = arrays.map(({ id, sizeBytes = 0 }): ComponentOf<'pv'> => {
    const extents = Math.floor((sizeBytes - mib) / extent);
    return { kind: 'pv', id: `pv:${id.slice(3)}`, on: [id], uuid: `pv-${id}`, sizeBytes, startBytes: mib, extents };
  });
  const groups = Array.from({ length: groupCount }, (_, index): ComponentOf<'vg'> => {
    const own = physical.filter((_, place) => place % groupCount === index);
    const extents = own.reduce((total, one) => total + (one.extents ?? 0), 0);
    const on = own.map(({ id }) => id);
    const sizes = { extentBytes: extent, extents, sizeBytes: extents * extent };
    return { kind: 'vg', id: `vg:${index}`, on, uuid: `vg-${index}`, name: `group${index}`, ...sizes };
  });
  const volumes = Array.from({ length: volumeCount }, (_, index) => volumeOn(groups[index % groupCount], index));
  return layoutOf([...disks, ...tables, ...members, ...arrays, ...physical, ...groups, ...volumes.flat()]);
}

function mirrorOf(index: number, members: readonly Component[]): ComponentOf<'md'> {
  const on = members.slice(2 * index, 2 * index + 2).map(({ id }) => id);
  const id = `md:${index}`;
  return {
    kind: 'md',
    id,
    on,
    uuid: uuidOf(id),
    sizeBytes: diskBytes - 4 * mib,
    state: 'clean',
    geometry: {
      level: 'raid1',
      raidDevices: 2,
      metadata: '1.2',
      name: `host:${index}`,
      members: on.map((one, slot) => ({ on: one, role: 'active', slot, dataOffsetBytes: 2 * mib })),
    },
  };
}

function volumeOn(group: ComponentOf<'vg'> | undefined, index: number): Component[] {
  const extents = Math.floor(((group?.extents ?? 0) * groupCount * 0.9) / volumeCount);
  const id = `lv:${index}`;
  const sizeBytes = extents * extent;
  const segments = [{ type: 'linear', start: 0, extents, areas: [] }];
  const on = [group?.id ?? ''];
  return [
    { kind: 'lv', id, on, uuid: id, name: `volume${index}`, sizeBytes, segments },
    filesystem(index % 2 === 0 ? 'ext' : 'xfs', id, id, sizeBytes, 40),
  ];
}
