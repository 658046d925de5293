/** sfdisk(8) of the model: a script that the real one would take, or a refusal. */
import { expect } from 'vitest';
import { Refusal } from './model-machine.ts';
import { parsed, partitionPath, type Tool } from './model-words.ts';

const mbrSectors = 2 ** 32;
const mib = 1 << 20;

export const sfdisk: Tool = ({ machine, args, stdin }) => {
  const [path = ''] = parsed(args, ['--wipe', '--wipe-partitions']).rest;
  const disk = machine.free(path);
  // Its own table from before it was cut off is wiped by --wipe; all else has to be gone by then.
  if (disk.content?.type === 'table') {
    for (const number of disk.content.numbers) machine.remove(partitionPath(path, number));
  } else expect(disk.content, `${path} is empty`).toBeUndefined();
  const [head = '', body = ''] = stdin.toString().split('\n\n', 2);
  const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(head)?.[1];
  const sector = Number(field('sector-size'));
  expect(sector, `the sectors of ${path}`).toBe(disk.sector);
  const label = field('label') ?? '';
  const sectors = Math.floor(disk.bytes / sector);
  const entries = Math.ceil((Number(field('table-length') ?? 128) * 128) / sector);
  const first = label === 'gpt' ? Math.max(2 + entries, Number(field('first-lba') ?? mib / sector)) : 1;
  const last = label === 'gpt' ? sectors - 2 - entries : Math.min(sectors, mbrSectors) - 1;
  const parts = body
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, number, start, size, rest = ''] = /^(\d+) : start=(\d+), size=(\d+)(.*)$/.exec(line) ?? [];
      expect(number, `a partition: ${line}`).toBeDefined();
      return {
        number: Number(number),
        start: Number(start),
        size: Number(size),
        isExtended: /type=0?(5|f|85)\b/.test(rest),
      };
    });
  const extended = parts.find(({ isExtended }) => isExtended);
  let free = first;
  let freeInside = extended?.start ?? 0;
  const bySize = parts.toSorted((a, b) => a.start - b.start || a.number - b.number);
  for (const { number, start, size } of bySize) {
    const isLogical = label === 'dos' && number > 4;
    if (size < 1) throw new Refusal(1, `partition ${number} of ${path} has no sectors`);
    // Before a logical partition is the sector that tells where the next one is.
    const least = isLogical ? freeInside + 1 : free;
    const most = isLogical ? (extended?.start ?? 0) + (extended?.size ?? 0) - 1 : last;
    if (start < least) throw new Refusal(1, `partition ${number} of ${path} begins at ${start}, before ${least}`);
    if (start + size - 1 > most)
      throw new Refusal(1, `partition ${number} of ${path} ends at ${start + size - 1}, beyond ${most}`);
    // 1 MiB is a whole number of whatever a disk may be written in at once.
    expect((start * sector) % mib, `where partition ${number} of ${path} begins`).toBe(0);
    if (isLogical) freeInside = start + size;
    else free = start + size;
  }
  if (label === 'dos') expect(parts.filter(({ number }) => number <= 4).length).toBeLessThanOrEqual(4);
  machine.write(path, 0, Math.min(disk.bytes, first * sector));
  if (label === 'gpt') machine.write(path, (last + 1) * sector, disk.bytes);
  disk.content = { type: 'table', label, numbers: parts.map(({ number }) => number) };
  for (const { number, start, size, isExtended } of parts) {
    const [where] = disk.extents;
    // What an array is made of is all of it: which bytes of its members a partition has is not reckoned.
    const extents =
      where !== undefined && disk.extents.length === 1
        ? [{ disk: where.disk, start: where.start + start * sector, end: where.start + (start + size) * sector }]
        : disk.extents;
    const bytes = isExtended ? 2 * sector : size * sector;
    machine.add({ path: partitionPath(path, number), bytes, sector, extents });
  }
};
