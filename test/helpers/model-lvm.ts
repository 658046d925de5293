/** LVM of the model: extents are taken of physical volumes as lvcreate(8) would, and refused where there are none. */
import { expect } from 'vitest';
import { type Device, type Group, type Machine, type Range, Refusal, type Volume } from './model-machine.ts';
import { bytesOf, parsed, type Tool } from './model-words.ts';

const mib = 1 << 20;

export const lvmTools: Readonly<Record<string, Tool>> = {
  pvcreate({ machine, args }) {
    const valued = ['--uuid', '--dataalignment', '--metadatasize', '--pvmetadatacopies', '--bootloaderareasize'];
    const { options, rest } = parsed(args, valued);
    for (const path of rest) {
      const device = machine.free(path);
      expect(['pv', undefined], `on ${path}`).toContain(device.content?.type);
      machine.write(path);
      device.content = {
        type: 'pv',
        start: options.has('--dataalignment') ? bytesOf(options.get('--dataalignment')) : mib,
      };
    }
  },
  vgcreate({ machine, args }) {
    const valued = [
      '--physicalextentsize',
      '--alloc',
      '--maxlogicalvolumes',
      '--maxphysicalvolumes',
      '--vgmetadatacopies',
      '--addtag',
    ];
    const { options, rest } = parsed(args, valued);
    const [name = '', ...pvs] = rest;
    if (machine.groups.has(name)) throw new Refusal(5, `there is a volume group ${name}`);
    for (const path of pvs) {
      const { content } = machine.get(path);
      if (content?.type !== 'pv' || content.group !== undefined)
        throw new Refusal(5, `${path} is no free physical volume`);
      content.group = name;
      machine.write(path);
    }
    const extentBytes = bytesOf(options.get('--physicalextentsize'));
    machine.groups.set(name, { extentBytes, pvs, used: new Map(), volumes: new Map() });
  },
  vgremove({ machine, args }) {
    const name = args.at(-1) ?? '';
    const { pvs } = machine.group(name);
    deactivate(machine, name);
    machine.groups.delete(name);
    for (const path of pvs) {
      const { content } = machine.get(path);
      if (content?.type === 'pv') delete content.group;
    }
  },
  vgchange({ machine, args }) {
    expect(args.slice(0, 2)).toEqual(['--activate', 'n']);
    deactivate(machine, args.at(-1) ?? '');
  },
  pvchange({ machine, args }) {
    machine.write(args.at(-1) ?? '');
  },
  lvchange({ machine, args }) {
    volumeOf(machine, args.at(-1) ?? '');
  },
  lvremove({ machine, args }) {
    const [name = '', volume = ''] = (args.at(-1) ?? '').split('/');
    const group = machine.group(name);
    const found = group.volumes.get(volume);
    if (found === undefined) throw new Refusal(5, `no volume ${volume}`);
    if (machine.devices.has(mapped(name, volume))) machine.remove(mapped(name, volume));
    group.volumes.delete(volume);
    for (const { pv, range } of found.takes) {
      group.used.set(
        pv,
        (group.used.get(pv) ?? []).filter((one) => one !== range),
      );
    }
  },
  lvcreate({ machine, args }) {
    const { options, rest } = parsed(args, lvcreateOptions);
    const [name = '', ...places] = rest;
    const group = machine.group(name);
    const volume = options.get('--name') ?? '';
    if (group.volumes.has(volume)) throw new Refusal(5, `there is a volume ${volume}`);
    const type = options.get('--type') ?? 'linear';
    const bytes = bytesOf(options.get(type === 'thin' ? '--virtualsize' : '--size'));
    expect(bytes % group.extentBytes, `${volume} is of whole extents`).toBe(0);
    const pool = options.get('--thinpool');
    if (pool !== undefined && group.volumes.get(pool)?.type !== 'thin-pool') throw new Refusal(5, `no pool ${pool}`);
    const legs = legsOf(type, bytes / group.extentBytes, options, group);
    const takes = legs.flatMap((one) => allocated(machine, group, one, places));
    for (const { pv } of takes) machine.write(pv);
    group.volumes.set(volume, { type, bytes, takes, ...(pool === undefined ? {} : { pool }) });
    const made = machine.stack(
      mapped(name, volume),
      bytes,
      pool === undefined ? [...new Set(takes.map(({ pv }) => pv))] : group.pvs,
    );
    // It has been told to wipe what is there already.
    expect(options.get('--wipesignatures')).toBe('y');
    delete made.content;
  },
  lvextend({ machine, args }) {
    const { options, rest } = parsed(args, lvcreateOptions);
    const [path = '', ...places] = rest;
    const [name = '', volume = ''] = path.split('/');
    const group = machine.group(name);
    const found = volumeIn(group, volume);
    const more = bytesOf(options.get('--size')?.replace('+', '')) / group.extentBytes;
    const stripes = Number(options.get('--stripes') ?? 1);
    const takes = allocated(machine, group, { legs: stripes, extents: more / stripes }, places);
    const bytes = found.bytes + more * group.extentBytes;
    group.volumes.set(volume, { ...found, bytes, takes: [...found.takes, ...takes] });
    machine.remove(mapped(name, volume));
    machine.stack(mapped(name, volume), bytes, group.pvs);
  },
  /** Of two volumes a pool: the one of its metadata is gone into it. */
  lvconvert({ machine, args }) {
    const { options, rest } = parsed(args, [...lvcreateOptions, '--poolmetadata']);
    expect(options.get('--type')).toBe('thin-pool');
    const [name = '', volume = ''] = (rest[0] ?? '').split('/');
    const group = machine.group(name);
    const [, inner = ''] = (options.get('--poolmetadata') ?? '').split('/');
    const [pool, metadata] = [volumeIn(group, volume), volumeIn(group, inner)];
    const extents = metadata.bytes / group.extentBytes;
    const spare = options.get('--poolmetadataspare') === 'n' ? [] : allocated(machine, group, { legs: 1, extents }, []);
    machine.remove(mapped(name, inner));
    group.volumes.delete(inner);
    group.volumes.set(volume, { ...pool, type: 'thin-pool', takes: [...pool.takes, ...metadata.takes, ...spare] });
  },
};

function volumeIn({ volumes }: Group, name: string): Volume {
  const volume = volumes.get(name);
  if (volume === undefined) throw new Refusal(5, `no volume ${name}`);
  return volume;
}

/** The script that gives a group and its volumes the UUIDs that they had. */
export const giveIds: Tool = ({ machine, args }) => {
  const [name = '', ...pairs] = args;
  const { volumes, pvs } = machine.group(name);
  for (const pair of pairs.slice(1)) expect([...volumes.keys()]).toContain(pair.split('=')[0]);
  for (const volume of volumes.keys()) {
    const path = mapped(name, volume);
    if (machine.devices.has(path)) machine.free(path);
  }
  for (const path of pvs) machine.write(path);
};

const lvcreateOptions = [
  '--type --size --virtualsize --thinpool --name --mirrors --stripes --stripesize --regionsize --chunksize',
  '--poolmetadatasize --poolmetadataspare --zero --discards --errorwhenfull --wipesignatures --addtag --alloc',
  '--setactivationskip --readahead --persistent --major --minor',
].flatMap((names) => names.split(' '));

const mapped = (group: string, volume: string): string =>
  `/dev/mapper/${group.replaceAll('-', '--')}-${volume.replaceAll('-', '--')}`;

function volumeOf(machine: Machine, path: string): Device {
  const [group = '', volume = ''] = path.split('/');
  return machine.get(mapped(group, volume));
}

function deactivate(machine: Machine, name: string): void {
  const { volumes } = machine.group(name);
  for (const volume of volumes.keys()) {
    if (machine.devices.has(mapped(name, volume))) machine.free(mapped(name, volume));
  }
  for (const volume of volumes.keys())
    if (machine.devices.has(mapped(name, volume))) machine.remove(mapped(name, volume));
}

/** What has to be found: so many areas of so many extents, each on another physical volume. */
interface Legs {
  readonly legs: number;
  readonly extents: number;
}

function legsOf(type: string, extents: number, options: ReadonlyMap<string, string>, group: Group): readonly Legs[] {
  switch (type) {
    case 'thin':
      return [];
    case 'striped': {
      const stripes = Number(options.get('--stripes'));
      expect(extents % stripes, 'extents of each stripe').toBe(0);
      return [{ legs: stripes, extents: extents / stripes }];
    }
    case 'raid1':
      return [{ legs: Number(options.get('--mirrors')) + 1, extents: extents + 1 }];
    case 'thin-pool': {
      const metadata = { legs: 1, extents: Math.ceil(bytesOf(options.get('--poolmetadatasize')) / group.extentBytes) };
      // The first pool of a group brings room to repair the metadata of any.
      const isFirst = [...group.volumes.values()].every((one) => one.type !== 'thin-pool');
      const spare = isFirst && options.get('--poolmetadataspare') !== 'n';
      return [{ legs: 1, extents }, metadata, ...(spare ? [metadata] : [])];
    }
    default:
      expect(type).toBe('linear');
      return [{ legs: 1, extents }];
  }
}

type Takes = Volume['takes'];

/** Of the places that were named, or of all, each `PV` or `PV:from-to`; where there is most room. */
function allocated(machine: Machine, group: Group, { legs, extents }: Legs, places: readonly string[]): Takes {
  const rooms = group.pvs
    .map((pv) => ({ pv, free: freeIn(machine, group, pv, places) }))
    .sort((a, b) => lengthOf(b.free) - lengthOf(a.free));
  const take = (pv: string, free: readonly Range[], count: number): Takes => {
    let left = count;
    const taken = free.flatMap(([from, end]): Range[] => {
      const own = Math.min(left, end - from);
      left -= own;
      return own === 0 ? [] : [[from, from + own]];
    });
    group.used.set(pv, [...(group.used.get(pv) ?? []), ...taken]);
    return taken.map((range) => ({ pv, range }));
  };
  const said = JSON.stringify(rooms.map(({ pv, free }) => [pv, lengthOf(free)]));
  if (legs > 1) {
    const fitting = rooms.filter(({ free }) => lengthOf(free) >= extents).slice(0, legs);
    if (fitting.length < legs) throw new Refusal(5, `no ${legs} times ${extents} extents on ${said}`);
    return fitting.flatMap(({ pv, free }) => take(pv, free, extents));
  }
  if (rooms.reduce((total, { free }) => total + lengthOf(free), 0) < extents) {
    throw new Refusal(5, `no ${extents} extents on ${said}`);
  }
  let left = extents;
  return rooms.flatMap(({ pv, free }) => {
    const own = Math.min(left, lengthOf(free));
    left -= own;
    return take(pv, free, own);
  });
}

const lengthOf = (ranges: readonly Range[]): number => ranges.reduce((total, [from, end]) => total + end - from, 0);

function freeIn(machine: Machine, group: Group, pv: string, places: readonly string[]): Range[] {
  const { content, bytes } = machine.get(pv);
  expect(content).toMatchObject({ type: 'pv' });
  const start = content?.type === 'pv' ? content.start : 0;
  const whole: Range = [0, Math.floor((bytes - start) / group.extentBytes)];
  const allowed = places.flatMap((place): Range[] => {
    if (place === pv) return [whole];
    const [, from, last] = place.startsWith(`${pv}:`) ? (/:(\d+)-(\d+)$/.exec(place) ?? []) : [];
    if (from === undefined || last === undefined) return [];
    expect(Number(last), `an extent of ${pv}`).toBeLessThan(whole[1]);
    return [[Number(from), Number(last) + 1]];
  });
  const ranges = places.length === 0 ? [whole] : allowed;
  return (group.used.get(pv) ?? []).reduce<Range[]>(
    (free, taken) => free.flatMap((one) => without(one, taken)),
    ranges,
  );
}

const without = ([from, end]: Range, [first, last]: Range): Range[] =>
  [[from, Math.min(end, first)] as const, [Math.max(from, last), end] as const].filter(([a, b]) => a < b);
