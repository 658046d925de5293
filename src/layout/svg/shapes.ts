/** What a picture is made of, before it is written down: boxes and texts at places, in groups that share a tooltip. */
import { type Face, fit, widthOf } from './text.ts';

export type Shape =
  | {
      readonly shape: 'box';
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      /** Classes of the style sheet. */
      readonly look: string;
      readonly radius: number;
    }
  | {
      readonly shape: 'text';
      readonly x: number;
      readonly y: number;
      readonly text: string;
      readonly look: string;
      readonly align: Align;
    }
  | {
      readonly shape: 'group';
      readonly parts: readonly Shape[];
      /** Its lines; may hold raw names. */
      readonly tooltip: readonly string[];
      /** So that a link can lead to it. */
      readonly anchor?: string;
      /** Anchor of the group that it leads to. */
      readonly link?: string;
    };

export type Align = 'start' | 'middle' | 'end';

/** Shapes that were given a place, and how much room they took downwards. */
export interface Block {
  readonly shapes: readonly Shape[];
  readonly height: number;
}

export function box(x: number, y: number, width: number, height: number, look: string, radius = 0): Shape {
  return { shape: 'box', x, y, width, height, look, radius };
}

interface TextOptions {
  /** What does not fit is cut. */
  readonly width?: number;
  readonly align?: Align;
  /** A colour other than that of ordinary text. */
  readonly tone?: 'muted' | 'warn' | 'chip' | 'loss';
}

/** A line of text with its baseline at `y`. */
export function label(x: number, y: number, face: Face, text: string, options: TextOptions = {}): Shape {
  const { width = Number.POSITIVE_INFINITY, align = 'start', tone } = options;
  return {
    shape: 'text',
    x,
    y,
    text: fit(text, width, face),
    look: tone === undefined ? face : `${face} ${tone}`,
    align,
  };
}

export interface Word {
  readonly face: Face;
  readonly text: string;
  readonly tone?: NonNullable<TextOptions['tone']>;
}

/** Texts one after the other up to `right`; `end` is where the next thing may begin. */
export function run(x: number, y: number, right: number, words: readonly Word[]): { shapes: Shape[]; end: number } {
  const shapes: Shape[] = [];
  let end = x;
  for (const { face, text, tone } of words) {
    const shown = fit(text, right - end, face);
    if (shown === '') continue;
    shapes.push(label(end, y, face, shown, tone === undefined ? {} : { tone }));
    end += widthOf(shown, face) + 8;
  }
  return { shapes, end };
}

export function group(tooltip: readonly string[], parts: readonly Shape[]): Shape {
  return { shape: 'group', tooltip, parts };
}
