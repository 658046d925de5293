/** Shapes written down as SVG. */
import { printable } from '../../kernel/text.ts';
import type { Page } from './page.ts';
import { styleSheet } from './palette.ts';
import type { Shape } from './shapes.ts';

export function draw({ title, description, width, height, shapes }: Page): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" xml:space="preserve">`,
    `<title>${escaped(title)}</title>`,
    `<desc>${escaped(description)}</desc>`,
    `<style>\n${styleSheet()}\n</style>`,
    `<rect class="page" width="${width}" height="${height}"/>`,
    ...shapes.map(drawShape),
    '</svg>',
    '',
  ].join('\n');
}

function drawShape(shape: Shape): string {
  switch (shape.shape) {
    case 'box': {
      const { x, y, width, height, look, radius } = shape;
      const round = radius === 0 ? '' : ` rx="${px(Math.min(radius, width / 2))}"`;
      return `<rect class="${look}" x="${px(x)}" y="${px(y)}" width="${px(width)}" height="${px(height)}"${round}/>`;
    }
    case 'text': {
      const { x, y, text, look, align } = shape;
      if (text === '') return '';
      const anchor = align === 'start' ? '' : ` text-anchor="${align}"`;
      return `<text class="${look}" x="${px(x)}" y="${px(y)}"${anchor}>${escaped(text)}</text>`;
    }
    case 'group': {
      const { parts, tooltip, anchor, link } = shape;
      const id = anchor === undefined ? '' : ` id="${anchor}"`;
      const title = tooltip.length === 0 ? '' : `<title>${tooltip.map(escaped).join('\n')}</title>`;
      const [open, close] = link === undefined ? [`<g${id}>`, '</g>'] : [`<a href="#${link}"${id}>`, '</a>'];
      return `${open}${title}${parts.map(drawShape).join('')}${close}`;
    }
  }
}

/** To tenths of a pixel. */
function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Text for XML: printable, without the two characters that XML forbids besides, and escaped. */
function escaped(text: string): string {
  return printable(text)
    .replace(/[\ufffe\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16)}`)
    .replace(/[&<>"']/g, (char) => entities[char] ?? char);
}
