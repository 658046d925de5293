/** One disk, or one stack on several devices: its name, its bar, its table. */
import { formatBytes } from '../../kernel/units.ts';
import type { Component } from '../types.ts';
import { bar } from './bar.ts';
import { rowBlock } from './columns.ts';
import { details, deviceOf, isContent, shortDevice, sizeOf, titleParts } from './facts.ts';
import type { Graph, Stack } from './graph.ts';
import { contentOf } from './look.ts';
import { type Part, partsOf } from './parts.ts';
import { type Row, rowsOf } from './rows.ts';
import { type Block, box, group, label, run, type Shape } from './shapes.ts';
import { chip, chipWidth, pills } from './tags.ts';
import { widthOf } from './text.ts';

const padding = 16;

export interface Card {
  /** Before the name. */
  readonly tag?: Stack;
  readonly name: string;
  readonly about: string;
  readonly size: string;
  readonly facts: readonly string[];
  readonly tooltip: readonly string[];
  /** On what it stands, if on several things. */
  readonly on: readonly Component[];
  readonly parts: readonly Part[];
  readonly rows: readonly Row[];
}

/** A disk, or another device that stands on nothing. */
export function deviceCard(graph: Graph, device: Component): Card {
  const { name, about, facts } = nameOf(device);
  const table = contentOf(graph, device);
  const tableFacts = table?.kind === 'table' ? titleParts(table) : [];
  const [own, ...rows] = rowsOf(graph, device, 0);
  // Its own line would only repeat the head, unless something lies on all of it.
  const bare = own === undefined || (own.stacks.length === 0 && !isSeen(own));
  const plain = bare && (own?.content === undefined || own.content.kind === 'table');
  return {
    name,
    about,
    size: formatBytes(sizeOf(device) ?? 0),
    facts: [...facts, ...tableFacts],
    tooltip: [...details(device), ...(table?.kind === 'table' ? details(table) : [])],
    on: [],
    parts: partsOf(graph, device),
    rows: plain ? rows.map((row) => ({ ...row, indent: Math.max(0, row.indent - 1) })) : [own, ...rows],
  };
}

export function stackCard(graph: Graph, stack: Stack): Card {
  const [first] = stack.members;
  const only = stack.members.length === 1 ? first : undefined;
  const size = stack.members.reduce((sum, one) => sum + (sizeOf(one) ?? 0), 0);
  const parts = only === undefined ? stack.members.map((one) => partOfMember(graph, one)) : partsOf(graph, only);
  const { name, about, facts } =
    only === undefined ? { name: `${stack.members.length} volumes`, about: '', facts: [] } : nameOf(only);
  return {
    tag: stack,
    name,
    about,
    size: size === 0 ? '' : formatBytes(size),
    facts,
    tooltip: stack.members.slice(0, 50).flatMap(details),
    on: stack.on,
    parts,
    rows: stack.members.flatMap((one) => rowsOf(graph, one, 0)),
  };
}

function partOfMember(graph: Graph, component: Component): Part {
  const inside = partsOf(graph, component);
  return { component, sizeBytes: sizeOf(component) ?? 0, inside: inside.length > 1 ? inside : [] };
}

function nameOf(component: Component): { name: string; about: string; facts: readonly string[] } {
  if (component.kind === 'disk') {
    const { vendor, model, serial, wwn, transport, rotational, removable, readOnly, device, busPath } = component;
    return {
      name: device,
      about: [vendor, model].filter(Boolean).join(' '),
      facts: [
        serial === undefined
          ? wwn === undefined
            ? busPath === undefined
              ? 'no serial number'
              : `at ${busPath}`
            : `WWN ${wwn}`
          : `serial ${serial}`,
        transport ?? '',
        rotational ? 'rotating' : '',
        removable ? 'removable' : '',
        readOnly ? 'read-only' : '',
      ].filter(Boolean),
    };
  }
  const device = deviceOf(component);
  const parts = titleParts(component);
  if (device === undefined) return { name: parts[0], about: '', facts: parts.slice(1) };
  const size = formatBytes(sizeOf(component) ?? 0);
  const [about, ...facts] = parts.filter((part) => part !== device && part !== size);
  return { name: device, about: about ?? '', facts };
}

export function cardBlock(graph: Graph, card: Card, left: number, top: number, outer: number): Block {
  const x = left + padding;
  const width = outer - 2 * padding;
  let y = top + padding;
  const shapes: Shape[] = [group(card.tooltip, headShapes(card, x, y, width))];
  y += card.facts.length === 0 ? 22 : 41;
  if (card.on.length > 0) {
    const on = standsOn(graph, card, x, y, width);
    shapes.push(...on.shapes);
    y += on.height + 7;
  }
  y += 3;
  const drawn = bar(graph, card.parts, x, y, width);
  shapes.push(...drawn.shapes);
  y += drawn.height;
  if (drawn.widened.length > 0) {
    const words = scaleRemark(drawn.widened);
    shapes.push(label(x + width, y + 16, 'small', words, { align: 'end', tone: 'muted', width }));
    y += 20;
  }
  y += 8;
  for (const row of card.rows) {
    const block = rowBlock(graph, row, x, y, width);
    shapes.push(...block.shapes);
    y += block.height;
  }
  const height = y + padding - 8 - top;
  return { shapes: [box(left, top, outer, height, 'card', 8), ...shapes], height };
}

/** Whether its bar says all: a disk that is empty, or wholly a member of one stack. */
export function isBrief({ on, parts, rows }: Card): boolean {
  const [row] = rows;
  if (on.length > 0 || parts.length > 1 || rows.length > 1) return false;
  return row === undefined || (row.stacks.length === 1 && !isSeen(row));
}

/** Whether something of it is mounted, or could be. */
function isSeen({ mounts, binds, subvolumes }: Row): boolean {
  return mounts.length + binds + subvolumes.length > 0;
}

/** Two brief cards beside each other. */
export function pairBlock(
  graph: Graph,
  one: Card,
  other: Card,
  left: number,
  top: number,
  width: number,
  gap: number,
): Block {
  const own = (width - gap) / 2;
  const blocks = [
    cardBlock(graph, { ...one, rows: [] }, left, top, own),
    cardBlock(graph, { ...other, rows: [] }, left + own + gap, top, own),
  ];
  return { shapes: blocks.flatMap(({ shapes }) => shapes), height: Math.max(...blocks.map(({ height }) => height)) };
}

function scaleRemark(widened: readonly string[]): string {
  const names = [...new Set(widened)];
  const which = names.length > 6 ? `${widened.length} small parts` : names.join(', ');
  return `not to scale: ${which} ${widened.length === 1 ? 'is' : 'are'} drawn wider`;
}

function headShapes({ tag, name, about, size, facts }: Card, x: number, y: number, width: number): Shape[] {
  const start = tag === undefined ? x : x + chipWidth(tag) + 8;
  const named = run(start, y + 13, x + width - widthOf(size, 'section') - 24, [
    { face: 'device', text: name },
    { face: 'body', text: about },
  ]);
  return [
    ...(tag === undefined ? [] : [chip(tag, x, y)]),
    ...named.shapes,
    label(x + width, y + 13, 'section', size, { align: 'end' }),
    ...(facts.length === 0 ? [] : [label(x, y + 33, 'small', facts.join('  ·  '), { width, tone: 'muted' })]),
  ];
}

function standsOn(graph: Graph, card: Card, x: number, y: number, width: number): Block {
  const words = `on ${card.on.length} devices:`;
  const indent = widthOf(words, 'small') + 8;
  const list = card.on.map((one) => ({
    text: memberName(graph, one),
    tooltip: details(one),
    face: 'code' as const,
    look: `ring${card.tag?.hue ?? 0}`,
  }));
  const placed = pills(list, x + indent, y, width - indent);
  return { shapes: [label(x, y + 14, 'small', words, { tone: 'muted' }), ...placed.shapes], height: placed.height };
}

/** A member by the device that it lies on, as that is what the other picture of it is called. */
function memberName(graph: Graph, component: Component): string {
  const device = deviceOf(component);
  if (device !== undefined) return shortDevice(device);
  const [under] = graph.below(component);
  if (isContent(component) && under !== undefined && graph.below(component).length === 1)
    return memberName(graph, under);
  return titleParts(component)[0];
}
