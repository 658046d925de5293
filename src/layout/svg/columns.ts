/** Lines of the table of a device, at their places. */
import { formatBytes } from '../../kernel/units.ts';
import type { Component, ComponentOf } from '../types.ts';
import {
  contentType,
  details,
  deviceOf,
  isContent,
  labelOf,
  shortDevice,
  sizeOf,
  titleParts,
  usedShare,
} from './facts.ts';
import type { Graph } from './graph.ts';
import { lookOf } from './look.ts';
import type { Row } from './rows.ts';
import { type Block, box, group, label, run, type Shape, type Word } from './shapes.ts';
import { chip, chipWidth, pillHeight, pills } from './tags.ts';
import { widthOf } from './text.ts';

/** Left edges, from the left edge of the table; `size` is a right edge. */
const at = { swatch: 0, number: 18, name: 44, size: 256, type: 270, content: 448, meter: 640, usage: 728, mounts: 868 };
const lineHeight = 18;
const mountsShown = 4;
/** As many of anything as a list shows. */
export const listLimit = 50;

export function rowBlock(graph: Graph, row: Row, x: number, y: number, width: number): Block {
  const base = y + 17;
  const places = mountLines(row, x + at.mounts, base, width - at.mounts);
  const pilled = subvolumePills(row, x + at.content, y + 5 + lineHeight * places.lines, width - at.content);
  const height = 7 + lineHeight * places.lines + (pilled.height === 0 ? 0 : pilled.height + 5);
  const shapes = [
    // All of the line answers the pointer.
    box(x, y, width, height, 'hit'),
    box(x, y, width, 1, 'rule'),
    ...deviceColumns(graph, row, x, base),
    ...contentColumns(graph, row, x, base),
    ...places.shapes,
  ];
  const told = [row.device, row.content, ...row.mounts.slice(0, listLimit)].filter((one) => one !== undefined);
  return { shapes: [group(told.flatMap(details), shapes), ...pilled.shapes], height };
}

function deviceColumns(graph: Graph, { device, content, indent }: Row, x: number, base: number): Shape[] {
  const subject = device ?? content;
  if (subject === undefined || subject.kind === 'subvolume' || isFileOfMount(subject)) return [];
  const swatch = box(x + at.swatch, base - 10, 11, 11, lookOf(graph, subject), 2);
  if (device === undefined) return [swatch];
  const left = x + at.name + Math.min(indent, 5) * 14;
  const name = deviceOf(device);
  const size = sizeOf(device);
  const number = device.kind === 'partition' ? [label(x + at.number, base, 'strong', `${device.number}`)] : [];
  const branch = indent === 0 ? [] : [label(left - 12, base, 'small', '└', { tone: 'muted' })];
  const type = typeOf(device);
  if (name === undefined || size === undefined || type === undefined) {
    // A kind of which only the title is known.
    const room = x + at.content - 12 - left;
    return [swatch, ...branch, label(left, base, 'body', titleParts(device).join('  '), { width: room })];
  }
  const written = formatBytes(size);
  return [
    swatch,
    ...number,
    ...branch,
    label(left, base, 'code', shortDevice(name), { width: x + at.size - widthOf(written, 'body') - 10 - left }),
    label(x + at.size, base, 'body', written, { align: 'end' }),
    label(x + at.type, base, 'small', type, { width: at.content - at.type - 12, tone: 'muted' }),
  ];
}

/** What kind of device it is; `undefined` where its title has to say so. */
function typeOf(device: Component): string | undefined {
  if (device.kind === 'disk') return 'whole disk';
  if (device.kind === 'unknown') return `${device.rawType}, not yet handled`;
  if (device.kind !== 'partition') return undefined;
  // What the title says after number, device and size.
  return titleParts(device).slice(3).join(' ');
}

function contentColumns(graph: Graph, row: Row, x: number, base: number): Shape[] {
  const { content, device, stacks, indent } = row;
  const left = x + at.content;
  const own = device !== undefined && (device.kind === 'subvolume' || isFileOfMount(device)) ? device : undefined;
  if (own !== undefined) {
    const { name, facts } = nameWithFacts(own);
    const indented = left + Math.min(Math.max(indent, 1), 5) * 10;
    return [
      label(indented - 10, base, 'small', '└', { tone: 'muted' }),
      label(indented + 4, base, 'body', name, { width: x + at.meter - indented - 12 }),
      label(x + at.meter, base, 'small', facts.join(' · '), { width: at.mounts - at.meter - 12, tone: 'muted' }),
    ];
  }
  const joint = content === undefined ? stacks[0]?.members[0] : undefined;
  const shown = content ?? (joint !== undefined && isContent(joint) ? joint : undefined);
  const name = content === undefined ? undefined : labelOf(content);
  const words: Word[] = [
    ...(shown === undefined ? [] : [{ face: 'strong' as const, text: contentType(shown) }]),
    ...(name === undefined ? [] : [{ face: 'body' as const, text: `"${name}"` }]),
  ];
  // They may go on where there is no meter, or nothing at all.
  const free = content === undefined ? at.mounts : usedShare(content) === undefined ? at.usage : at.meter;
  const right = x + free - 12;
  const texts = run(left, base, right - leastForTags(stacks.length), words);
  return [
    ...texts.shapes,
    ...(content === undefined ? [] : usageColumns(graph, content, device, x, base)),
    ...tagShapes(row, texts.end, base, right),
  ];
}

/** Room for "part of" with a tag, and for the number of the others. */
function leastForTags(count: number): number {
  if (count === 0) return 0;
  return count === 1 ? 90 : 170;
}

function tagShapes({ stacks }: Row, left: number, base: number, end: number): Shape[] {
  if (stacks.length === 0) return [];
  const shapes = [label(left, base, 'small', 'part of', { tone: 'muted' })];
  let cursor = left + widthOf('part of', 'small') + 6;
  for (const [index, stack] of stacks.entries()) {
    const more = `and ${stacks.length - index} more`;
    if (cursor + chipWidth(stack) + widthOf(more, 'small') > end && index > 0) {
      return [...shapes, label(cursor, base, 'small', more, { tone: 'muted' })];
    }
    shapes.push(chip(stack, cursor, base - 12));
    cursor += chipWidth(stack) + 4;
  }
  return shapes;
}

function usageColumns(
  graph: Graph,
  content: Component,
  device: Component | undefined,
  x: number,
  base: number,
): Shape[] {
  const share = usedShare(content);
  if (share === undefined || !('usedBytes' in content) || content.usedBytes === undefined) {
    const words = wordsWithoutUsage(content, device);
    return words === ''
      ? []
      : [label(x + at.usage, base, 'small', words, { tone: 'muted', width: at.mounts - at.usage - 12 })];
  }
  const look = lookOf(graph, device ?? content);
  const width = 76;
  return [
    box(x + at.meter, base - 9, width, 9, look, 2),
    box(x + at.meter, base - 9, Math.max(1, width * share), 9, `${look}-used`, 2),
    box(x + at.meter, base - 9, width, 9, `${look}-edge`, 2),
    label(
      x + at.usage,
      base,
      share >= 0.9 ? 'strong' : 'body',
      `${formatBytes(content.usedBytes)} · ${Math.round(share * 100)} %`,
      {
        width: at.mounts - at.usage - 12,
        ...(share >= 0.9 ? { tone: 'warn' } : {}),
      },
    ),
  ];
}

function wordsWithoutUsage(content: Component, device: Component | undefined): string {
  if (content.kind === 'swap') return content.active ? 'in use' : 'not in use';
  if (content.kind === 'unknown') return device?.kind === 'unknown' ? '' : 'not yet handled';
  return content.kind === 'table' ? '' : 'usage not seen';
}

/** Of a subvolume or swap file. */
function nameWithFacts(component: Component): { name: string; facts: readonly string[] } {
  const [first, ...facts] = titleParts(component);
  if (component.kind !== 'swap') return { name: first, facts };
  const { file = '', sizeBytes, active } = component;
  return { name: `swap file ${file}`, facts: [formatBytes(sizeBytes), active ? 'in use' : 'not in use'] };
}

/** Swap files and whatever else stands on a mount without being a device. */
function isFileOfMount(component: Component): boolean {
  return component.kind === 'swap' && component.file !== undefined;
}

function mountLines(
  { mounts, binds }: Row,
  x: number,
  base: number,
  width: number,
): { shapes: Shape[]; lines: number } {
  const shown = mounts.length > mountsShown ? mounts.slice(0, mountsShown - 1) : mounts;
  let end = x;
  const shapes: Shape[] = shown.map((mount, index) => {
    const y = base + index * lineHeight;
    const note = noteOf(mount);
    const right = x + width - (note === '' ? 0 : widthOf(note, 'small') + 8);
    const seen = mount.mounted && mount.hidden !== true;
    const path = run(x, y, right, [{ face: 'code', text: mount.path, ...(seen ? {} : { tone: 'muted' }) }]);
    const noted = run(path.end, y, x + width, [{ face: 'small', text: note, tone: 'muted' }]);
    end = noted.end;
    return group(details(mount), [...path.shapes, ...noted.shapes]);
  });
  const more = mounts.length - shown.length;
  const words = [
    more === 0 ? '' : `and ${more} more`,
    binds === 0
      ? ''
      : `${more === 0 ? '+ ' : ''}${binds.toLocaleString('en')} bind ${binds === 1 ? 'mount' : 'mounts'}`,
  ].filter(Boolean);
  const lines = shapes.length;
  if (words.length === 0) return { shapes, lines: Math.max(1, lines) };
  const text = words.join(', ');
  // Beside the last path when there is room for both.
  const beside = lines > 0 && end + 4 + widthOf(text, 'small') <= x + width;
  const left = beside ? end + 4 : x;
  shapes.push(label(left, base + (beside ? lines - 1 : lines) * lineHeight, 'small', text, { tone: 'muted' }));
  return { shapes, lines: beside ? lines : lines + 1 };
}

function noteOf({ mounted, hidden, category }: ComponentOf<'mount'>): string {
  if (!mounted) return 'fstab, not mounted';
  if (hidden === true) return 'hidden';
  return category === 'local' ? '' : category;
}

function subvolumePills({ subvolumes }: Row, x: number, y: number, width: number): { shapes: Shape[]; height: number } {
  const shown = subvolumes.slice(0, listLimit);
  const more = subvolumes.length - shown.length;
  const list = [
    ...shown.map((one) => ({
      text: `${one.path}${one.parentUuid === undefined ? '' : '  snapshot'}${one.readOnly ? ', read-only' : ''}`,
      tooltip: details(one),
    })),
    ...(more === 0 ? [] : [{ text: `and ${more} more`, tooltip: [`${more} more, not shown here`] }]),
  ];
  const placed = pills(list, x, y, width);
  return { shapes: placed.shapes, height: Math.max(placed.height, list.length === 0 ? 0 : pillHeight) };
}
