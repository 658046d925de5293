/** Disks, partition tables, and partitions, which lie one behind the other. */
import type { ComponentOf } from '../../types.ts';
import { type Above, divided, type Need, plainRoom, type Room, roundDown, roundUp, type Share, sum } from '../room.ts';

type Disk = ComponentOf<'disk'>;
type Table = ComponentOf<'table'>;
type Partition = ComponentOf<'partition'>;

export const diskRoom: Room<Disk> = {
  needs: () => [],
  most: ({ sizeBytes }, _, above) => above.map(() => sizeBytes),
  fitted: (component, _, above) => ({ component, left: above.map(() => ({ bytes: component.sizeBytes })) }),
};

/** What an MBR can address: 32 bits of sectors. */
const mbrSectors = 2 ** 32;

export const tableRoom: Room<Table, Partition> = {
  needs(table, above) {
    const { least, usual } = rowNeed(above, rowOf(table));
    return [{ least, usual: Math.max(least, usual), grows: above.some(({ need }) => need.grows) }];
  },
  most: (table, [limit = 0], above) => mostInRow(above, rowOf(table), addressable(table, limit)),
  fitted: (table, [share = { bytes: 0 }], above) => ({
    component: table,
    left: placed(above, rowOf(table), addressable(table, share.bytes)),
  }),
};

const plainPartition = plainRoom<Partition>({ sizeBytes: ({ sizeBytes }) => sizeBytes, resized });

/** An extended partition holds a row of logical ones, each with a small table before it. */
export const partitionRoom: Room<Partition, Partition> = {
  needs(partition, above, below) {
    if (!isRow(partition, above)) return plainPartition.needs(partition, above, below);
    const { least } = rowNeed(above, logical);
    return [{ least, usual: Math.max(least, partition.sizeBytes), grows: above.some(({ need }) => need.grows) }];
  },
  most: (partition, limits, above) =>
    isRow(partition, above) ? mostInRow(above, logical, limits[0] ?? 0) : plainPartition.most(partition, limits, above),
  fitted(partition, given, above) {
    if (!isRow(partition, above)) return plainPartition.fitted(partition, given, above);
    const [share = { bytes: 0 }] = given;
    const start = share.startBytes ?? 0;
    const left = placed(above, { ...logical, start }, share.bytes + start);
    return { component: resized(partition, share), left };
  },
};

const isRow = ({ role }: Partition, above: readonly Above<Partition>[]): boolean =>
  role === 'extended' && above.length > 0;

function resized(partition: Partition, { bytes, startBytes }: Share): Partition {
  return { ...partition, sizeBytes: bytes, ...(startBytes === undefined ? {} : { startBytes }) };
}

/** How things lie in a row. */
interface Row {
  /** Where the first may begin. */
  readonly start: number;
  /** Bytes that nothing may lie in: before each, and behind the last. */
  readonly before: number;
  readonly tail: number;
  /** Of starts and sizes. */
  readonly unit: number;
}

const mebibyte = 1 << 20;
const logical: Row = { start: 0, before: mebibyte, tail: 0, unit: mebibyte };

function rowOf({ type, geometry }: Table): Row {
  const sector = geometry?.sectorSize ?? 512;
  // Entries of 128 bytes each, and the header, at both ends of a GPT.
  const gpt = sector + roundUp((geometry?.entries ?? 128) * 128, sector);
  const unit = Math.max(sector, geometry?.alignmentBytes ?? mebibyte);
  return {
    start: roundUp(type === 'gpt' ? sector + gpt : sector, unit),
    before: 0,
    tail: type === 'gpt' ? gpt : 0,
    unit,
  };
}

function addressable({ type, geometry }: Table, bytes: number): number {
  return type === 'dos' ? Math.min(bytes, mbrSectors * (geometry?.sectorSize ?? 512)) : bytes;
}

function rowNeed(above: readonly Above<Partition>[], row: Row): Pick<Need, 'least' | 'usual'> {
  const ends = above.map(({ component }) => (component.startBytes ?? 0) + component.sizeBytes);
  const least = sum(above.map(({ need }) => row.before + roundUp(need.least, row.unit)));
  return { least: row.start + least + row.tail, usual: Math.max(row.start, ...ends) + row.tail };
}

function mostInRow(above: readonly Above<Partition>[], row: Row, limit: number): number[] {
  const { least } = rowNeed(above, row);
  return above.map(({ need }) => Math.max(0, roundDown(limit - least, row.unit) + roundUp(need.least, row.unit)));
}

/** Each where it was, as long as all end in time and none grows; else one behind the other, in their order. */
function placed(above: readonly Above<Partition>[], row: Row, bytes: number): Share[] {
  const ends = above.map(({ component }) => (component.startBytes ?? Number.POSITIVE_INFINITY) + component.sizeBytes);
  const isAsItWas = above.every(
    ({ component: { startBytes = 0, sizeBytes }, need }) =>
      !need.grows && sizeBytes >= need.least && startBytes >= row.start && startBytes % row.unit === 0,
  );
  if (isAsItWas && Math.max(0, ...ends) + row.tail <= bytes) {
    return above.map(({ component }) => ({ bytes: component.sizeBytes, startBytes: component.startBytes ?? 0 }));
  }
  const order = above.map((_, index) => index).sort((a, b) => startOf(above[a]) - startOf(above[b]));
  const room = roundDown(bytes - row.tail, row.unit) - row.start - row.before * above.length;
  const sizes = divided(
    room,
    above.map(({ need }) => need),
    row.unit,
  );
  if (sizes === undefined) throw new Error('the row is too long for what it lies in');
  const shares: Share[] = [];
  let next = row.start;
  for (const index of order) {
    const size = sizes[index] ?? 0;
    shares[index] = { bytes: size, startBytes: next + row.before };
    next += row.before + size;
  }
  return shares;
}

const startOf = (above: Above<Partition> | undefined): number => above?.component.startBytes ?? 0;
