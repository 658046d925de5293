/** How wide a text will be in fonts that nobody here has seen. */
import { printable } from '../../kernel/text.ts';

interface Font {
  readonly size: number;
  readonly mono: boolean;
  readonly bold: boolean;
}

/** The type styles of the picture; the style sheet is made of the same table. */
export const faces = {
  heading: { size: 22, mono: false, bold: true },
  section: { size: 15, mono: false, bold: true },
  device: { size: 15, mono: true, bold: true },
  strong: { size: 13, mono: false, bold: true },
  body: { size: 13, mono: false, bold: false },
  code: { size: 12.5, mono: true, bold: false },
  small: { size: 12, mono: false, bold: false },
  tag: { size: 11, mono: false, bold: true },
} as const satisfies Record<string, Font>;

export type Face = keyof typeof faces;

/** In hundredths of the size, as in the widest of the usual fonts: what fits there fits everywhere. */
const narrow = 42;
const ordinary = 64;
const wide = 100;

function charWidth(char: string): number {
  const code = char.codePointAt(0) ?? 0;
  if (code >= 0x1100) return /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{So}]/u.test(char) ? wide : 70;
  if (code > 0x7e) return 70;
  if (" !'(),-./:;I[\\]fijlrt|".includes(char)) return narrow;
  if ('%@MWmw'.includes(char)) return wide;
  return code >= 0x41 && code <= 0x5a ? 74 : ordinary;
}

/** An upper bound, in pixels, of a printable text. */
export function widthOf(text: string, face: Face): number {
  const { size, mono, bold } = faces[face];
  let sum = 0;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    sum += mono ? (code < 0x1100 ? 61 : wide) : charWidth(char) * (bold ? 1.08 : 1);
  }
  return (sum * size) / 100;
}

/** The text made printable, and cut with an ellipsis when it is wider. Empty when not even a few letters fit. */
export function fit(text: string, width: number, face: Face): string {
  const whole = printable(text);
  if (whole.length <= 1000 && widthOf(whole, face) <= width) return whole;
  const ellipsis = '…';
  const room = width - widthOf(ellipsis, face);
  let kept = '';
  let used = 0;
  for (const char of whole) {
    used += widthOf(char, face);
    if (used > room) break;
    kept += char;
  }
  return kept.length < 2 ? '' : `${kept.trimEnd()}${ellipsis}`;
}

/** The text in at most `limit` lines, broken at spaces where there are any; the last is cut. */
export function wrap(text: string, width: number, face: Face, limit: number): string[] {
  const lines: string[] = [];
  let rest = printable(text);
  while (lines.length < limit - 1 && widthOf(rest, face) > width) {
    const head = fit(rest, width, face).replace(/…$/, '');
    const space = head.lastIndexOf(' ');
    const end = space > head.length / 2 ? space : head.length;
    if (end === 0) break;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...lines, fit(rest, width, face)];
}
