/** A plan as a picture for a browser: each disk as it is now and as it will be, and in red what is lost. */
import { formatBytes } from '../../kernel/units.ts';
import { bar } from '../svg/bar.ts';
import { draw } from '../svg/draw.ts';
import { type Graph, graphOf } from '../svg/graph.ts';
import { type Page, pageWidth } from '../svg/page.ts';
import { type Part, partsOf } from '../svg/parts.ts';
import { type Block, box, group, label, run, type Shape } from '../svg/shapes.ts';
import { widthOf, wrap } from '../svg/text.ts';
import { type ComponentOf, handlerOf, type Layout } from '../types.ts';
import { type Plan, planDigest } from './document.ts';
import { type Fate, type Line, linesOn, summaryOf, whyTaken } from './outcome.ts';
import { disksOf, notMade, type OrderedSite, siteOf } from './site.ts';
import { chipShapes, lineBlock, signs } from './svg-lines.ts';

const margin = 20;
const gap = 14;
const padding = 14;
const arrowRoom = 56;
const cardWidth = (pageWidth - 2 * margin - arrowRoom) / 2;
const rightEdge = margin + cardWidth + arrowRoom;

/** One SVG document that needs nothing else; the same plan gives the same bytes. */
export const planSvg = (plan: Plan): string => draw(planPage(plan));

/** One of the two times that a picture shows. */
interface Side {
  readonly site: OrderedSite;
  readonly graph: Graph;
  readonly fates: readonly Fate[];
  readonly disks: readonly ComponentOf<'disk'>[];
}

const sideOf = (layout: Layout, fates: readonly Fate[]): Side => {
  const components = layout.components.filter(({ kind }) => !notMade.has(kind));
  return { site: siteOf(components), graph: graphOf({ ...layout, components }), fates, disks: disksOf(layout) };
};

export function planPage(plan: Plan): Page {
  const now = sideOf(plan.before, plan.fates.old);
  const then = sideOf(plan.layout, plan.fates.new);
  const summary = summaryOf(plan).join('  ·  ');
  const shapes: Shape[] = [];
  let y = margin;
  const add = (block: Block, after = gap): void => {
    shapes.push(...block.shapes);
    y += block.height + after;
  };
  const section = (title: string): void => add({ shapes: [label(margin, y + 14, 'section', title)], height: 20 }, 6);
  add(headBlock(plan, summary, y));
  for (const disk of plan.disks) {
    add(matchBlock(disk, y), 4);
    add(pairBlock(diskBlock(now, disk.id, margin, y, 'now'), diskBlock(then, disk.id, rightEdge, y, 'afterwards'), y));
  }
  const [lost, made] = [jointLines(now), jointLines(then)];
  if (lost.length + made.length > 0) {
    section('On several disks');
    const left = listBlock(now, lost, 'now', margin, y);
    add(pairBlock(left, listBlock(then, made, 'afterwards', rightEdge, y), y));
  }
  const written = new Set(plan.disks.map(({ id }) => id));
  const staying = then.disks.filter(({ id }) => !written.has(id)).map((disk) => handlerOf(disk).title(disk));
  const untouched = plan.untouched.filter((title) => !staying.includes(title));
  for (const [title, lines] of [
    ['Stays as it is', staying],
    ['Not touched', untouched],
    ['Not as it was', plan.notes],
  ] as const) {
    if (lines.length === 0) continue;
    section(title);
    add(textBlock(lines, y));
  }
  return {
    title: `Plan ${planDigest(plan)}`,
    description: summary,
    width: pageWidth,
    height: Math.ceil(y - gap + margin),
    shapes,
  };
}

const jointLines = ({ fates, site }: Side): readonly Line[] => linesOn(fates, site, (disks) => disks.length > 1);

function headBlock(plan: Plan, summary: string, top: number): Block {
  const right = pageWidth - margin;
  const isLoss = plan.fates.old.some(({ fate }) => fate === 'destroy');
  const shapes: Shape[] = [
    label(margin, top + 24, 'heading', 'Plan'),
    label(right, top + 24, 'code', `digest ${planDigest(plan)}`, { align: 'end', tone: 'muted' }),
    label(margin, top + 50, 'strong', summary, isLoss ? { tone: 'loss' } : {}),
  ];
  let x = margin;
  for (const [sign, look] of Object.entries(signs)) {
    const chip = chipShapes(sign, look, x, top + 64);
    shapes.push(...chip.shapes);
    x = chip.end + 10;
  }
  return { shapes, height: 86 };
}

/** Which disk takes the place of which, and why. */
function matchBlock(disk: Plan['disks'][number], top: number): Block {
  const { id, device, from } = disk;
  const base = top + 16;
  const words =
    id === from
      ? [{ face: 'device' as const, text: id }]
      : [
          { face: 'code' as const, text: from },
          { face: 'device' as const, text: '→' },
          { face: 'device' as const, text: id },
        ];
  const named = run(margin, base, pageWidth - margin - 300, [...words, { face: 'code', text: device, tone: 'muted' }]);
  const reason = label(named.end + 8, base, 'small', whyTaken(disk), {
    width: pageWidth - margin - named.end - 8,
    tone: disk.certainty === 'likely' ? 'warn' : 'muted',
  });
  return { shapes: [group([`${from} → ${id}`, whyTaken(disk)], [...named.shapes, reason])], height: 24 };
}

/** Two blocks beside each other, in frames of one height, with an arrow from the first to the second. */
function pairBlock(left: Block, right: Block, top: number): Block {
  const height = Math.max(left.height, right.height);
  const middle = margin + cardWidth + arrowRoom / 2;
  return {
    shapes: [
      box(margin, top, cardWidth, height, 'card', 8),
      box(rightEdge, top, cardWidth, height, 'card', 8),
      box(middle - 18, top + height / 2 - 1, 30, 2, 'rule'),
      label(middle + 12, top + height / 2 + 6, 'section', '▶', { align: 'middle', tone: 'muted' }),
      ...left.shapes,
      ...right.shapes,
    ],
    height,
  };
}

function diskBlock({ graph, site, fates, disks }: Side, id: string, left: number, top: number, when: string): Block {
  const disk = disks.find((one) => one.id === id);
  if (disk === undefined) return { shapes: [], height: 0 };
  const x = left + padding;
  const width = cardWidth - 2 * padding;
  let y = top + padding;
  const size = formatBytes(disk.sizeBytes);
  const about = [disk.vendor, disk.model].filter(Boolean).join(' ');
  const shapes: Shape[] = [
    ...run(x, y + 12, x + width - widthOf(size, 'section') - 12, [
      { face: 'strong', text: when },
      { face: 'small', text: about, tone: 'muted' },
    ]).shapes,
    label(x + width, y + 12, 'section', size, { align: 'end' }),
  ];
  y += 22;
  const parts = partsOf(graph, disk);
  const drawn = bar(graph, parts, x, y, width);
  const lost = new Set(fates.flatMap((one) => (one.fate === 'destroy' ? [one.id] : [])));
  shapes.push(...drawn.shapes, ...drawn.shapes.flatMap((shape, index) => overLost(shape, parts[index], lost, site)));
  y += drawn.height + 8;
  for (const line of linesOn(fates, site, (on) => on.length === 1 && on[0] === id)) {
    const block = lineBlock(line, undefined, x, y, width);
    shapes.push(...block.shapes);
    y += block.height;
  }
  return { shapes, height: y + padding - 4 - top };
}

/** A red pane before what will be gone: the part itself, or what fills it. */
function overLost(shape: Shape, part: Part | undefined, lost: ReadonlySet<string>, site: OrderedSite): Shape[] {
  const [frame] = shape.shape === 'group' ? shape.parts : [];
  if (part?.component === undefined || frame?.shape !== 'box') return [];
  const { id } = part.component;
  if (!lost.has(id) && !site.above(id).some((one) => lost.has(one.id))) return [];
  return [box(frame.x, frame.y, frame.width, frame.height, 'lost', 3)];
}

function listBlock({ graph }: Side, lines: readonly Line[], when: string, left: number, top: number): Block {
  const x = left + padding;
  const shapes: Shape[] = [label(x, top + padding + 12, 'strong', when)];
  let y = top + padding + 20;
  for (const line of lines) {
    const tag = graph.stacks.find(({ members }) => members.some(({ id }) => id === line.fate.id));
    const block = lineBlock(line, tag, x, y, cardWidth - 2 * padding);
    shapes.push(...block.shapes);
    y += block.height;
  }
  if (lines.length === 0) shapes.push(label(x, (y += 14), 'small', 'nothing', { tone: 'muted' }));
  return { shapes, height: y + padding - 4 - top };
}

function textBlock(texts: readonly string[], top: number): Block {
  const lines = texts.flatMap((text) => wrap(text, pageWidth - 2 * margin, 'body', 4));
  return {
    shapes: lines.map((line, index) => label(margin, top + 13 + index * 19, 'body', line)),
    height: lines.length * 19,
  };
}
