/**
 * Where on a device lies what opens a LUKS volume, keys included. A header is read off a disk on which anybody may have written: what it says
 * of places is believed only within the bounds that cryptsetup keeps, too.
 */

/** From the beginning of the device that holds the header. */
export interface HeaderArea {
  /** What `cryptsetup luksHeaderRestore` reads of a file. */
  readonly sizeBytes: number;
  /** What of it is in use: the headers, then the areas of slots. */
  readonly parts: readonly Extent[];
}

export interface Extent {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

const MiB = 1024 * 1024;
/** The largest page of memory: `luksHeaderRestore` of some releases reads up to the end of one. */
const pageBytes = 65_536;
/** What it says of itself in version 1. */
const version1Bytes = 592;
const version1MaxBytes = 16 * MiB;
const version1ReadBytes = 4096;
const version2MaxSlots = 32;
const version2MaxSlotsBytes = 128 * MiB;

/** The largest image that there can be: of version 2, with two headers of 4 MiB. */
export const maxAreaBytes = version2MaxSlotsBytes + 8 * MiB;

export const upTo = (unit: number, amount: number): number => Math.ceil(amount / unit) * unit;

/**
 * Of version 1; `undefined` for what cannot be.
 *
 * @param all eight of them, as those that are not in use have places too
 * @param used those of them that are in use
 */
export function areaOfVersion1(all: readonly Extent[], used: readonly Extent[]): HeaderArea | undefined {
  if (!fit(all, { from: version1Bytes, to: version1MaxBytes })) return undefined;
  return {
    sizeBytes: upTo(pageBytes, Math.max(version1ReadBytes, ...all.map(endOf))),
    parts: [{ offsetBytes: 0, lengthBytes: version1ReadBytes }, ...used],
  };
}

/**
 * Of version 2; `undefined` for what cannot be.
 *
 * @param metadataBytes of each of the two headers
 * @param slotsBytes of the area of all slots
 */
export function areaOfVersion2(
  metadataBytes: number,
  slotsBytes: number,
  slots: readonly Extent[],
): HeaderArea | undefined {
  const from = 2 * metadataBytes;
  if (slots.length > version2MaxSlots || slotsBytes > version2MaxSlotsBytes) return undefined;
  if (!fit(slots, { from, to: from + slotsBytes })) return undefined;
  return { sizeBytes: from + slotsBytes, parts: [{ offsetBytes: 0, lengthBytes: from }, ...slots] };
}

const endOf = ({ offsetBytes, lengthBytes }: Extent): number => offsetBytes + lengthBytes;

/** Whether they lie within these bounds, and none upon another. */
function fit(extents: readonly Extent[], { from, to }: { readonly from: number; readonly to: number }): boolean {
  let end = from;
  for (const extent of extents.toSorted((a, b) => a.offsetBytes - b.offsetBytes)) {
    if (extent.offsetBytes < end) return false;
    end = endOf(extent);
  }
  return end <= to;
}

/** Of all parts together. */
export function bytesOf({ parts }: HeaderArea): number {
  return parts.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
}
