/** A FAT on a whole disk: mkfs.fat writes a table beside it, of one partition that is the disk itself, for systems that cannot do without. */
import type { BlockDevice } from './tools/lsblk.ts';

/** Without such tables and partitions: they begin at 0, where a table stands that is one. */
export function withoutFalseTables(devices: readonly BlockDevice[]): readonly BlockDevice[] {
  const holders = new Set(
    devices
      .filter(({ fstype, table, type }) => type !== 'part' && fstype !== undefined && table === 'dos')
      .map(({ number }) => number),
  );
  if (holders.size === 0) return devices;
  const isFalse = ({ type, startBytes, parents }: BlockDevice): boolean =>
    type === 'part' && startBytes === 0 && parents.some((number) => holders.has(number));
  const whole = new Set(devices.filter(isFalse).flatMap(({ parents }) => parents));
  return devices
    .filter((device) => !isFalse(device))
    .map((device) => (whole.has(device.number) ? withoutTable(device) : device));
}

function withoutTable({ table: _table, tableUuid: _uuid, ...device }: BlockDevice): BlockDevice {
  return device;
}
