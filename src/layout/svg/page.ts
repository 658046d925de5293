/** The whole picture: head, disks, what stands on several of them, the rest, what was not seen. */
import { formatBytes } from '../../kernel/units.ts';
import type { Component, Layout } from '../types.ts';
import { type Card, cardBlock, deviceCard, isBrief, pairBlock, stackCard } from './card.ts';
import { isFilesystem, sizeOf } from './facts.ts';
import { type Graph, graphOf } from './graph.ts';
import { gapBlock, listBlocks, listsOf } from './lists.ts';
import { lookOf } from './look.ts';
import { type Look, looks } from './palette.ts';
import { type Block, box, label, type Shape } from './shapes.ts';
import { widthOf } from './text.ts';

export const pageWidth = 1200;
const margin = 20;
const gap = 14;

export interface Page {
  readonly title: string;
  readonly description: string;
  readonly width: number;
  readonly height: number;
  readonly shapes: readonly Shape[];
}

export function pageOf(layout: Layout): Page {
  const graph = graphOf(layout);
  const width = pageWidth - 2 * margin;
  const devices = graph.roots.filter((one) => isShownAsDevice(graph, one));
  const mounts = layout.components
    .filter((one) => one.kind === 'mount')
    .filter((one) => one.category !== 'pseudo' && (one.category === 'bind' || graph.below(one).length === 0));
  const lists = listsOf(graph, mounts, withoutCard(graph, devices));
  const summary = summaryOf(layout, devices);

  const shapes: Shape[] = [];
  let y = margin;
  const add = (block: Block): void => {
    shapes.push(...block.shapes);
    y += block.height + gap;
  };
  const section = (title: string, cards: readonly Card[]): void => {
    if (cards.length === 0) return;
    shapes.push(label(margin, y + 18, 'section', title));
    y += 32;
    for (let index = 0; index < cards.length; index += 1) {
      const [one, other] = cards.slice(index, index + 2);
      if (one === undefined) break;
      if (other !== undefined && isBrief(one) && isBrief(other)) {
        add(pairBlock(graph, one, other, margin, y, width, gap));
        index += 1;
      } else add(cardBlock(graph, one, margin, y, width));
    }
    y += 6;
  };
  add(headBlock(layout, summary, legendOf(graph, layout), width));
  section(
    'Disks',
    devices.filter(({ kind }) => kind === 'disk').map((one) => deviceCard(graph, one)),
  );
  section(
    'Other devices',
    devices.filter(({ kind }) => kind !== 'disk').map((one) => deviceCard(graph, one)),
  );
  section(
    'On several devices',
    graph.stacks.map((stack) => stackCard(graph, stack)),
  );
  if (lists.length > 0) {
    shapes.push(label(margin, y + 18, 'section', 'Other mounts and components'));
    y += 32;
    add(listBlocks(lists, margin, y, width, gap));
    y += 6;
  }
  if (layout.gaps.length > 0) add(gapBlock(layout.gaps, margin, y, width));
  return {
    title: `Storage layout, captured ${captured(layout)}`,
    description: summary,
    width: pageWidth,
    height: Math.ceil(y - gap + margin),
    shapes,
  };
}

/** Empty drives and devices that are not set up are only listed. */
function isShownAsDevice(graph: Graph, component: Component): boolean {
  const size = sizeOf(component);
  if (component.kind === 'swap' || size === undefined) return false;
  return size > 0 || graph.above(component).length > 0 || graph.stacksOn(component).length > 0;
}

/** What is no device, stands on none and is no mount: with all that stands on it. */
function withoutCard(graph: Graph, devices: readonly Component[]): Component[] {
  const all = [...graph.roots.filter((one) => !devices.includes(one)), ...graph.loose];
  const mounts = new Set(graph.roots.filter(({ kind }) => kind === 'mount'));
  return all.flatMap((one) => withAbove(graph, one)).filter((one) => !mounts.has(one));
}

function withAbove(graph: Graph, component: Component): Component[] {
  return [component, ...graph.above(component).flatMap((one) => withAbove(graph, one))];
}

function captured({ capturedAt }: Layout): string {
  return `${capturedAt.slice(0, 10)} ${capturedAt.slice(11, 16)} UTC`;
}

function summaryOf({ components, gaps }: Layout, devices: readonly Component[]): string {
  // Several paths lead to one disk.
  const disks = components.filter(
    (one) => one.kind === 'multipath' || (one.kind === 'disk' && one.path !== true && devices.includes(one)),
  );
  const total = disks.reduce((sum, one) => sum + (sizeOf(one) ?? 0), 0);
  const filesystems = components.filter(isFilesystem);
  const known = filesystems.filter(({ usedBytes }) => usedBytes !== undefined);
  const used = known.reduce((sum, { usedBytes = 0 }) => sum + usedBytes, 0);
  return [
    `${counted(disks.length, 'disk')}, ${formatBytes(total)}`,
    `${counted(filesystems.length, 'filesystem')}${known.length === 0 ? '' : `, ${formatBytes(used)} used`}`,
    ...(gaps.length === 0 ? [] : [`${counted(gaps.length, 'thing')} not seen`]),
  ].join('  ·  ');
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function legendOf(graph: Graph, { components }: Layout): Look[] {
  const used = new Set<Look>(['free']);
  for (const one of components) {
    if (['mount', 'subvolume', 'table', 'disk'].includes(one.kind)) continue;
    used.add(lookOf(graph, one));
  }
  return [...keysOf(looks)].filter((look) => used.has(look));
}

function keysOf(table: typeof looks): readonly Look[] {
  return Object.keys(table).filter((key): key is Look => key in table);
}

function headBlock(layout: Layout, summary: string, legend: readonly Look[], width: number): Block {
  const [seen = '', ...notSeen] = summary.split(/ {2}· {2}(?=\d+ things? not seen)/);
  const shapes: Shape[] = [
    label(margin, margin + 24, 'heading', 'Storage layout'),
    label(margin + width, margin + 24, 'body', `captured ${captured(layout)}`, { align: 'end', tone: 'muted' }),
    label(margin, margin + 50, 'body', seen),
  ];
  if (notSeen.length > 0) {
    const words = `${notSeen.join('')}: see the end`;
    const parts = [label(margin + width, margin + 50, 'strong', words, { align: 'end', tone: 'warn' })];
    shapes.push({ shape: 'group', tooltip: ['This picture is not complete.'], link: 'not-seen', parts });
  }
  let x = margin;
  const y = margin + 78;
  for (const look of legend) {
    shapes.push(box(x, y - 10, 14, 12, look, 2), label(x + 20, y, 'small', looks[look]));
    x += widthOf(looks[look], 'small') + 38;
  }
  shapes.push(
    box(x, y - 10, 24, 12, 'other', 2),
    box(x, y - 10, 12, 12, 'other-used', 2),
    label(x + 30, y, 'small', 'used part'),
  );
  return { shapes, height: 92 };
}
