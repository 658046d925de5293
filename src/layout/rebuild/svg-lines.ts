/** Lines of a picture of a plan: a thing, and what becomes of it. */
import { formatBytes } from '../../kernel/units.ts';
import type { Stack } from '../svg/graph.ts';
import { type Block, box, group, label, run, type Shape, type Word } from '../svg/shapes.ts';
import { chip as tagChip, chipWidth } from '../svg/tags.ts';
import { widthOf } from '../svg/text.ts';
import { type Fate, type Line, signOf } from './outcome.ts';

type Sign = (typeof signOf)[Fate['fate']];

/** What each is called, and the class of its colour. */
export const signs: Readonly<Record<Sign, string>> = {
  lost: 'loss',
  stays: 'hue6',
  reused: 'hue4',
  resized: 'hue0',
  made: 'hue2',
};

const lineHeight = 20;
const chipHeight = 15;
const chipRoom = Math.max(...Object.keys(signs).map((sign) => widthOf(sign, 'tag'))) + 18;

export function chipShapes(sign: string, look: string, x: number, y: number): { shapes: Shape[]; end: number } {
  const width = widthOf(sign, 'tag') + 10;
  return {
    shapes: [
      box(x, y, width, chipHeight, look, 4),
      label(x + width / 2, y + 11, 'tag', sign, { align: 'middle', tone: 'chip' }),
    ],
    end: x + width,
  };
}

/** @param tag of what stands on several disks, as their bars name it */
export function lineBlock({ fate, indent }: Line, tag: Stack | undefined, x: number, y: number, width: number): Block {
  const sign = signOf[fate.fate];
  const chip = chipShapes(sign, signs[sign], x, y + 3);
  const start = x + chipRoom + Math.min(indent, 5) * 12;
  const left = tag === undefined ? start : start + chipWidth(tag) + 6;
  const size = sizeWords(fate);
  const tone = fate.fate === 'destroy' ? ({ tone: 'loss' } as const) : {};
  const right = x + width - (size === '' ? 0 : widthOf(size, 'strong') + 12);
  const [name = '', ...facts] = fate.title.split(/ {2,}/);
  const words: Word[] = [
    { face: 'body', text: name },
    { face: 'small', text: facts.join('  '), tone: 'muted' },
  ];
  const shapes = [
    ...chip.shapes,
    ...(tag === undefined ? [] : [tagChip(tag, start, y + 2)]),
    ...run(left, y + 14, right, words).shapes,
    ...(size === '' ? [] : [label(x + width, y + 14, 'strong', size, { align: 'end', ...tone })]),
  ];
  return { shapes: [group([`${sign}: ${fate.title}`, ...(size === '' ? [] : [size])], shapes)], height: lineHeight };
}

/** How much data is lost, or from which size to which. */
function sizeWords(fate: Fate): string {
  if ('from' in fate && fate.from !== undefined) return `${formatBytes(fate.from)} → ${formatBytes(fate.to ?? 0)}`;
  return 'bytes' in fate && fate.bytes !== undefined ? `${formatBytes(fate.bytes)} lost` : '';
}
