/** What stands on no device that is shown: short lists, two beside each other. */
import { gapLines } from '../../host/gap.ts';
import { printable } from '../../kernel/text.ts';
import { formatBytes } from '../../kernel/units.ts';
import type { Component, ComponentOf, Gap } from '../types.ts';
import { listLimit } from './columns.ts';
import { details, deviceOf, labelOf, shortDevice, titleParts } from './facts.ts';
import type { Graph } from './graph.ts';
import { lookOf } from './look.ts';
import { type Block, box, group, label, run, type Shape } from './shapes.ts';
import { type Face, widthOf, wrap } from './text.ts';

const padding = 14;
const lineHeight = 19;

interface Entry {
  /** A path or name; absent where the words say it all. */
  readonly name?: string;
  readonly words: string;
  /** At the right end: how full it is, or in which state. */
  readonly state?: string;
  readonly tooltip: readonly string[];
}

export interface List {
  readonly title: string;
  readonly entries: readonly Entry[];
  /** How many there are, with those that are not listed. */
  readonly count: number;
}

/** All lists that are not empty. `rest` is what has no card. */
export function listsOf(graph: Graph, mounts: readonly ComponentOf<'mount'>[], rest: readonly Component[]): List[] {
  const waiting = mounts.filter(({ mounted, category }) => !mounted && category !== 'network');
  const of = (category: string) => mounts.filter((one) => one.category === category && !waiting.includes(one));
  const pseudo = [...new Set(graph.pseudo.map(({ fstype }) => fstype))].sort().join(', ');
  return [
    listOf(
      'Start of the host',
      rest.filter((one) => lookOf(graph, one) === 'boot'),
      (one) => restEntry(graph, one),
    ),
    listOf('Network', of('network'), mountEntry),
    listOf('Bind mounts', of('bind'), (mount) => bindEntry(graph, mount)),
    listOf('Memory', of('memory'), mountEntry),
    listOf('Overlay', of('overlay'), mountEntry),
    listOf('Local', of('local'), mountEntry),
    listOf('In fstab, not mounted', waiting, mountEntry),
    listOf(
      'Other components',
      rest.filter((one) => lookOf(graph, one) !== 'boot'),
      (one) => restEntry(graph, one),
    ),
    {
      title: "The kernel's own",
      count: graph.pseudo.length,
      entries:
        graph.pseudo.length === 0 ? [] : [{ words: `${graph.pseudo.length} mounts: ${pseudo}`, tooltip: [pseudo] }],
    },
  ].filter(({ entries }) => entries.length > 0);
}

function listOf<C extends Component>(title: string, components: readonly C[], entry: (component: C) => Entry): List {
  return { title, count: components.length, entries: components.slice(0, listLimit).map(entry) };
}

function mountEntry(mount: ComponentOf<'mount'>): Entry {
  const { path, fstype, source, sizeBytes, usedBytes, mounted, hidden, category } = mount;
  const from = category === 'memory' && mounted ? fstype : `${fstype} from ${source}`;
  const size =
    sizeBytes === undefined || usedBytes === undefined
      ? ''
      : `${formatBytes(usedBytes)} of ${formatBytes(sizeBytes)} used`;
  const state = mounted ? (hidden === true ? 'hidden' : '') : category === 'network' ? 'fstab, not mounted' : '';
  return { name: path, words: from, state: size === '' ? state : size, tooltip: details(mount) };
}

function bindEntry(graph: Graph, mount: ComponentOf<'mount'>): Entry {
  const [holder] = graph.below(mount);
  const from = holder === undefined ? `${mount.fstype} from ${mount.source}` : `of ${placeName(graph, holder)}`;
  return { name: mount.path, words: mount.root === '/' ? from : `${mount.root} ${from}`, tooltip: details(mount) };
}

function restEntry(graph: Graph, component: Component): Entry {
  const on = graph.below(component).map((one) => placeName(graph, one));
  const words = titleParts(component).join('  ');
  return { words: on.length === 0 ? words : `${words}  on ${on.join(', ')}`, tooltip: details(component) };
}

function placeName(graph: Graph, component: Component): string {
  const device = deviceOf(component);
  if (device !== undefined) return shortDevice(device);
  const name = labelOf(component);
  if (name !== undefined) return `"${name}"`;
  if (component.kind === 'mount') return component.path;
  const under = graph.below(component);
  const [only] = under;
  return only !== undefined && under.length === 1 && component.kind !== 'subvolume'
    ? placeName(graph, only)
    : titleParts(component)[0];
}

/** Each list goes below the shorter of two columns. */
export function listBlocks(lists: readonly List[], x: number, y: number, width: number, gap: number): Block {
  const own = (width - gap) / 2;
  const shapes: Shape[] = [];
  const columns = [0, 0];
  for (const list of lists) {
    const column = (columns[0] ?? 0) <= (columns[1] ?? 0) ? 0 : 1;
    const top = columns[column] ?? 0;
    const block = listBlock(list, x + column * (own + gap), y + top, own);
    shapes.push(...block.shapes);
    columns[column] = top + block.height + gap;
  }
  return { shapes, height: Math.max(0, ...columns.map((height) => height - gap)) };
}

function listBlock({ title, entries, count }: List, left: number, top: number, outer: number): Block {
  const x = left + padding;
  const width = outer - 2 * padding;
  const words =
    count > entries.length && entries.length === listLimit
      ? `the first ${listLimit} of ${count.toLocaleString('en')}`
      : '';
  const head = [
    label(x, top + 25, 'strong', title),
    label(x + width, top + 25, 'small', words, { align: 'end', tone: 'muted' }),
  ];
  const widest = (of: (entry: Entry) => string, face: Face) =>
    Math.max(0, ...entries.map((one) => widthOf(printable(of(one)), face)));
  const detail = widest(({ words, state = '' }) => `${words}    ${state}`, 'small');
  // What has no words to cut leaves its room to the names.
  const column = Math.min(widest(({ name = '' }) => name, 'code') + 14, width - Math.min(detail, width * 0.45));
  let y = top + 48;
  const lines = entries.map(({ name, words, state = '', tooltip }) => {
    const base = y;
    if (name === undefined) {
      const wrapped = wrap(words, width, 'small', 3);
      y += wrapped.length * lineHeight;
      return group(
        tooltip,
        wrapped.map((line, index) => label(x, base + index * lineHeight, 'small', line)),
      );
    }
    y += lineHeight;
    const right = x + width - (state === '' ? 0 : widthOf(state, 'small') + 10);
    return group(tooltip, [
      label(x, base, 'code', name, { width: column - 8 }),
      ...run(x + column, base, right, [{ face: 'small', text: words, tone: 'muted' }]).shapes,
      label(x + width, base, 'small', state, { align: 'end' }),
    ]);
  });
  const height = y - top + padding - 13;
  return { shapes: [box(left, top, outer, height, 'card', 8), ...head, ...lines], height };
}

/** What could not be seen, framed so that nobody passes it over. */
export function gapBlock(gaps: readonly Gap[], left: number, top: number, outer: number): Block {
  const x = left + padding;
  const width = outer - 2 * padding;
  const shown = gaps.slice(0, listLimit);
  const shapes: Shape[] = [label(x, top + 25, 'strong', `Not seen: ${gaps.length}`, { tone: 'warn' })];
  let y = top + 48;
  for (const gap of shown) {
    const lines = wrap(
      `${gap.subject}: ${oneLine(gap.problem)}${gap.hint === undefined ? '' : ` (${gap.hint})`}`,
      width,
      'body',
      3,
    );
    shapes.push(
      group(
        gapLines([gap]).slice(1),
        lines.map((line, index) => label(x, y + index * 17, 'body', line)),
      ),
    );
    y += lines.length * 17 + 5;
  }
  if (gaps.length > shown.length) {
    shapes.push(label(x, y, 'small', `and ${gaps.length - shown.length} more`, { tone: 'muted' }));
    y += 20;
  }
  const height = y - top - 5;
  return {
    shapes: [
      { shape: 'group', tooltip: [], anchor: 'not-seen', parts: [box(left, top, outer, height, 'gaps', 8), ...shapes] },
    ],
    height,
  };
}

/** What a tool printed may have lines. */
function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' / ');
}
