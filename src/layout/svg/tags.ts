/** Tags of stacks, and the small framed names beside them. */
import { details } from './facts.ts';
import type { Stack } from './graph.ts';
import { box, group, label, type Shape } from './shapes.ts';
import { type Face, widthOf } from './text.ts';

const chipHeight = 16;

export function chipWidth({ tag }: Stack): number {
  return Math.max(18, widthOf(tag, 'tag') + 9);
}

/** A letter on its colour, with what stands there in the tooltip. */
export function chip(stack: Stack, x: number, y: number): Shape {
  const width = chipWidth(stack);
  const names = stack.members.slice(0, 50).map((member) => details(member)[0] ?? '');
  return group(
    [`part of ${stack.tag}:`, ...names],
    [
      box(x, y, width, chipHeight, `hue${stack.hue}`, 4),
      label(x + width / 2, y + 12, 'tag', stack.tag, { align: 'middle', tone: 'chip' }),
    ],
  );
}

export interface Pill {
  readonly text: string;
  readonly tooltip: readonly string[];
  /** Class of its frame. */
  readonly look?: string;
  readonly face?: Face;
}

export const pillHeight = 19;
const gap = 6;

/** Framed names side by side, on as many lines as they need. */
export function pills(list: readonly Pill[], x: number, y: number, width: number): { shapes: Shape[]; height: number } {
  const shapes: Shape[] = [];
  let left = x;
  let top = y;
  for (const { text, tooltip, look = '', face = 'small' } of list) {
    const name = label(0, 0, face, text, { width: width - 14 });
    const shown = name.shape === 'text' ? name.text : '';
    const own = widthOf(shown, face) + 14;
    if (left > x && left + own > x + width) {
      left = x;
      top += pillHeight + 4;
    }
    shapes.push(
      group(tooltip, [
        box(left, top, own, pillHeight, `pill ${look}`.trim(), 9),
        label(left + own / 2, top + 13.5, face, shown, { align: 'middle' }),
      ]),
    );
    left += own + gap;
  }
  return { shapes, height: list.length === 0 ? 0 : top - y + pillHeight };
}
