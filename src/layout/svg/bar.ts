/** Parts drawn to scale, as far as their labels allow. */
import { printable } from '../../kernel/text.ts';
import { formatBytes } from '../../kernel/units.ts';
import type { Component } from '../types.ts';
import { contentType, details, deviceOf, isContent, labelOf, shortDevice, titleParts, usedShare } from './facts.ts';
import type { Graph, Stack } from './graph.ts';
import { contentOf, lookOf } from './look.ts';
import type { Part } from './parts.ts';
import { type Block, box, group, label, type Shape } from './shapes.ts';
import { chip, chipWidth } from './tags.ts';
import { widthOf } from './text.ts';

export const barHeight = 44;
/** Of the strip above what a part is divided into. */
const stripHeight = 17;
/** So wide that a number of two digits can be read, and that a little room is seen. */
const leastWidth = 24;
const leastFree = 10;

export interface Bar extends Block {
  /** Names of the parts that had to be drawn wider than they are. */
  readonly widened: readonly string[];
}

export function bar(graph: Graph, parts: readonly Part[], x: number, y: number, width: number): Bar {
  const widened: string[] = [];
  const shapes = stretch(parts, x, width).map((slot) => {
    if (slot.widened) widened.push(nameOf(slot.part));
    return drawPart(graph, slot, y, barHeight, true);
  });
  return { shapes, height: barHeight, widened };
}

interface Slot {
  readonly part: Part;
  readonly x: number;
  readonly width: number;
  readonly widened: boolean;
}

/** Shares the width by size; a part that would get less than it needs gets that, and the others share what is left. */
function stretch(parts: readonly Part[], x: number, width: number): Slot[] {
  const sizes = parts.map(({ sizeBytes }) => sizeBytes);
  const least = parts.map(({ rest }) =>
    Math.min(rest === 'free' ? leastFree : leastWidth, (0.6 * width) / parts.length),
  );
  const fixed = new Set<number>();
  const widths = shared(sizes, width, fixed);
  for (;;) {
    const narrow = widths.flatMap((own, index) => (!fixed.has(index) && own < (least[index] ?? 0) ? [index] : []));
    if (narrow.length === 0 || fixed.size + narrow.length === parts.length) break;
    for (const index of narrow) fixed.add(index);
    const taken = [...fixed].reduce((sum, index) => sum + (least[index] ?? 0), 0);
    for (const [index, own] of shared(sizes, width - taken, fixed).entries()) {
      widths[index] = fixed.has(index) ? (least[index] ?? 0) : own;
    }
  }
  const scaled = shared(sizes, width, new Set());
  let at = x;
  return parts.map((part, index) => {
    const own = widths[index] ?? 0;
    const slot = { part, x: at, width: own, widened: own > (scaled[index] ?? 0) + 3 };
    at += own;
    return slot;
  });
}

/** The width by size among all but those that have theirs; evenly where nothing has a size. */
function shared(sizes: readonly number[], width: number, without: ReadonlySet<number>): number[] {
  const flowing = sizes.map((size, index) => (without.has(index) ? 0 : size));
  const total = flowing.reduce((sum, size) => sum + size, 0);
  return flowing.map((size) => (total > 0 && total < Infinity ? (size / total) * width : width / sizes.length));
}

function drawPart(graph: Graph, { part, x, width }: Slot, y: number, height: number, outer: boolean): Shape {
  // A hair of background between neighbours.
  const inner = Math.max(1, width - 2);
  const { component } = part;
  if (component === undefined) return drawRest(part, x + 1, y, inner, height);
  const content = contentOf(graph, component);
  const top = content ?? component;
  const look = lookOf(graph, component);
  const shapes: Shape[] = [box(x + 1, y, inner, height, look, 3)];
  const divided = outer && part.inside.length > 1 && inner > 40 * part.inside.length;
  const share = part.inside.length > 0 ? undefined : usedShare(lastOf(graph, component));
  if (share !== undefined && share > 0)
    shapes.push(box(x + 1, y, Math.max(1, inner * share), height, `${look}-used`, 3));
  if (share !== undefined) shapes.push(box(x + 1, y, inner, height, `${look}-edge`, 3));
  const stacks = [...graph.stacksOn(component), ...(content === undefined ? [] : graph.stacksOn(content))];
  const tags = tagsIn(stacks, x + 1 + inner - 4, y + (divided ? 3 : 5), inner - 30);
  const room = inner - 12 - tags.width;
  const name = nameOf(part);
  const [first, second] = wordsOf(graph, component);
  if (divided) {
    shapes.push(label(x + 7, y + 13, 'small', `${name} ${second}`.trim(), { width: room }));
    for (const slot of stretch(part.inside, x + 3, inner - 4)) {
      shapes.push(drawPart(graph, slot, y + stripHeight, height - stripHeight - 3, false));
    }
  } else if (inner < 64) {
    const short = [name, first].find((text) => widthOf(printable(text), 'strong') <= inner - 4) ?? '';
    shapes.push(label(x + 1 + inner / 2, y + height / 2 + 5, 'strong', short, { align: 'middle' }));
  } else if (height < 40) {
    shapes.push(label(x + 7, y + height / 2 + 5, 'small', `${first} ${second}`, { width: room }));
  } else {
    const head = /^\d+$/.test(name) ? `${name}  ${first}` : first;
    shapes.push(label(x + 7, y + 18, 'strong', head, { width: room }));
    shapes.push(label(x + 7, y + 35, 'small', second, { width: inner - 12 }));
  }
  const tooltip = [...details(component), ...(top === component ? [] : details(top))];
  return group(tooltip, [...shapes, ...tags.shapes]);
}

function drawRest({ rest, stacks = [], sizeBytes }: Part, x: number, y: number, width: number, height: number): Shape {
  const tags = stacks.slice(0, 5).map(({ tag }) => tag);
  const others = `in ${tags.join(', ')}${tags.length < stacks.length ? ', …' : ''}, or free`;
  const words = { free: 'free', other: others, empty: 'nothing seen on it' }[rest ?? 'free'];
  const size = formatBytes(sizeBytes);
  const shapes: Shape[] = [box(x + 0.5, y + 0.5, Math.max(1, width - 1), height - 1, 'free', 3)];
  if (width >= 64 && height >= 40) {
    shapes.push(label(x + 7, y + 18, 'small', words, { width: width - 12, tone: 'muted' }));
    shapes.push(label(x + 7, y + 35, 'small', size, { width: width - 12, tone: 'muted' }));
  } else if (width >= 64) {
    shapes.push(label(x + 7, y + height / 2 + 5, 'small', `${words} ${size}`, { width: width - 12, tone: 'muted' }));
  }
  return group([`${words}  ${size}`], shapes);
}

/** As many tags as there is room for, from the right end to the left. */
function tagsIn(stacks: readonly Stack[], right: number, y: number, room: number): { shapes: Shape[]; width: number } {
  const shapes: Shape[] = [];
  let width = 0;
  for (const stack of stacks) {
    const own = chipWidth(stack) + 3;
    if (width + own > room) break;
    width += own;
    shapes.push(chip(stack, right - width + 3, y));
  }
  return { shapes, width };
}

/** The filesystem at the end of a chain without forks, or the last before it forks. */
function lastOf(graph: Graph, component: Component): Component {
  for (let last = component; ; ) {
    const above = graph.above(last).filter(({ kind }) => kind !== 'mount' && kind !== 'subvolume');
    const [next] = above;
    if (next === undefined || above.length > 1) return last;
    last = next;
  }
}

/** What a reader looks for first, and then the type with the size. */
function wordsOf(graph: Graph, component: Component): [string, string] {
  const last = lastOf(graph, component);
  const content = contentOf(graph, component);
  const mounts = [last, ...graph.above(last)].flatMap((one) =>
    one.kind === 'subvolume' ? [one, ...graph.above(one)] : [one],
  );
  const mounted = mounts.find((one) => one.kind === 'mount' && one.mounted && one.category !== 'bind');
  const [stack] = graph.stacksOn(last);
  const joint = stack?.members[0];
  const shown = joint !== undefined && isContent(joint) && !isContent(last) ? joint : last;
  const type = isContent(shown) && shown.kind !== 'swap' ? contentType(shown) : undefined;
  const under =
    content !== undefined && content !== last && content.kind !== 'table' ? contentType(content) : undefined;
  const name = 'name' in component && typeof component.name === 'string' ? component.name : undefined;
  const device = deviceOf(component);
  const first =
    (stack === undefined || shown === joint ? undefined : `part of ${stackName(stack)}`) ??
    (mounted?.kind === 'mount' ? mounted.path : undefined) ??
    labelOf(shown) ??
    (last.kind === 'swap' ? 'swap' : undefined) ??
    name ??
    (device === undefined ? undefined : shortDevice(device)) ??
    titleParts(component)[0];
  const size = 'sizeBytes' in component && component.sizeBytes !== undefined ? formatBytes(component.sizeBytes) : '';
  const share = usedShare(last);
  const percent = share === undefined ? '' : `${Math.round(share * 100)} % used`;
  return [first, [under, type, size, percent].filter(Boolean).join(' · ')];
}

function stackName({ tag, members }: Stack): string {
  const device = members.length > 1 || members[0] === undefined ? undefined : deviceOf(members[0]);
  return device === undefined ? tag : shortDevice(device);
}

function nameOf({ component }: Part): string {
  if (component === undefined) return 'free';
  if (component.kind === 'partition') return `${component.number}`;
  const device = deviceOf(component);
  return device === undefined ? titleParts(component)[0] : shortDevice(device);
}
