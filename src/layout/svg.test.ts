import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyLayout, crowded, large, made, middling } from '../../test/helpers/made-layout.ts';
import { recordedHost } from '../host/recorded.ts';
import { printable } from '../kernel/text.ts';
import { captureLayout } from './capture.ts';
import { layoutSvg } from './svg.ts';
import { graphOf } from './svg/graph.ts';
import { pageOf } from './svg/page.ts';
import { dark, light, looks } from './svg/palette.ts';
import type { Shape } from './svg/shapes.ts';
import { type Face, faces, widthOf } from './svg/text.ts';
import { handlerOf, type Layout } from './types.ts';

/** The text of a document that is well-formed XML. */
function strictly(xml: string): string {
  const stack: string[] = [];
  let text = '';
  let at = xml.startsWith('<?xml version="1.0" encoding="UTF-8"?>') ? xml.indexOf('?>') + 2 : expect.unreachable();
  expect(xml).not.toMatch(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u);
  const token = /<(?:\/([a-z]+)|([a-z]+)((?: [a-zA-Z:-]+="[^"<&]*")*)(\/?))>|([^<&>]+)|&(amp|lt|gt|quot|apos);/y;
  while (at < xml.length) {
    token.lastIndex = at;
    const match = token.exec(xml);
    if (match === null) expect.unreachable(`not well-formed at ${JSON.stringify(xml.slice(at, at + 80))}`);
    const [all, close, open, attributes = '', empty, plain, entity] = match;
    at += all.length;
    const names = [...attributes.matchAll(/ ([a-zA-Z:-]+)=/g)].map(([, name]) => name);
    expect(new Set(names).size, attributes).toBe(names.length);
    if (open !== undefined && empty === '') stack.push(open);
    if (close !== undefined) expect(stack.pop()).toBe(close);
    text += plain ?? { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }[entity ?? ''] ?? '';
  }
  expect(stack).toEqual([]);
  return text;
}

interface Line {
  readonly text: string;
  readonly y: number;
  readonly left: number;
  readonly right: number;
}

/** Every text with the room that it may take. */
function linesOf(shapes: readonly Shape[]): Line[] {
  return shapes.flatMap((shape): Line[] => {
    if (shape.shape === 'group') return linesOf(shape.parts);
    if (shape.shape !== 'text' || shape.text === '') return [];
    const face = Object.keys(faces).find((name): name is Face => name === shape.look.split(' ')[0]) ?? 'body';
    const width = widthOf(shape.text, face);
    const left = shape.x - width * { start: 0, middle: 0.5, end: 1 }[shape.align];
    return [{ text: shape.text, y: shape.y, left, right: left + width }];
  });
}

function expectLegible(layout: Layout): void {
  const page = pageOf(layout);
  const rows = Map.groupBy(linesOf(page.shapes), ({ y }) => y);
  for (const [y, row] of rows) {
    expect(y).toBeLessThan(page.height);
    const sorted = row.toSorted((one, other) => one.left - other.left);
    for (const [index, line] of sorted.entries()) {
      expect(line.left, line.text).toBeGreaterThan(0);
      expect(line.right, line.text).toBeLessThan(page.width);
      expect(line.left, `${line.text} beside ${sorted[index - 1]?.text}`).toBeGreaterThan(
        (sorted[index - 1]?.right ?? 0) - 0.5,
      );
    }
  }
}

const visible = (text: string) =>
  printable(text).replace(/[\ufffe\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16)}`);

function expectComplete(layout: Layout): void {
  const text = strictly(layoutSvg(layout));
  for (const component of layout.components) {
    if (component.kind === 'mount' && component.category === 'pseudo')
      expect(text).toContain(visible(component.fstype));
    else expect(text).toContain(visible(handlerOf(component).title(component)));
  }
  for (const { subject, problem } of layout.gaps) expect(text).toContain(visible(`${subject}: ${problem}`));
}

const fixtures = join(import.meta.dirname, '../../test/fixtures/machine');

async function recorded(name: string): Promise<Layout> {
  const host = recordedHost(JSON.parse(readFileSync(join(fixtures, `${name}.json`), 'utf8')));
  return await captureLayout(host, new Date('2026-11-20T12:00:00Z'), new AbortController().signal);
}

const machines = { middling: middling(), large: large(), recorded: await recorded('debian13') };

describe.each(Object.entries(machines))('%s machine', (_, layout) => {
  test('everything appears', () => expectComplete(layout));
  test('no text leaves the page or lies on another', () => expectLegible(layout));
  test('the same layout gives the same bytes', () => {
    expect(layoutSvg(structuredClone(layout))).toBe(layoutSvg(layout));
  });
});

test('whatever the names and the graph, everything appears, well-formed and legible', () => {
  fc.assert(
    fc.property(anyLayout, (layout) => {
      expectComplete(layout);
      expectLegible(layout);
    }),
    { numRuns: 60 },
  );
});

test.skipIf(!hasPython())('python3 reads it too (needs python3)', () => {
  const directory = mkdtempSync(join(tmpdir(), 'lifeboat-svg-'));
  try {
    const layouts = [middling(), crowded(3), ...fc.sample(anyLayout, { numRuns: 40, seed: 1 })];
    const paths = layouts.map((layout, index) => {
      const path = join(directory, `${index}.svg`);
      writeFileSync(path, layoutSvg(layout));
      return path;
    });
    const script = 'import sys, xml.dom.minidom as m\nfor p in sys.argv[1:]: m.parse(p)';
    execFileSync('python3', ['-c', script, ...paths], { stdio: 'pipe' });
  } finally {
    rmSync(directory, { recursive: true });
  }
});

function hasPython(): boolean {
  try {
    execFileSync('python3', ['-c', 'import xml.dom.minidom'], { stdio: 'ignore' });
    return true;
  } catch {
    console.warn('skipped: python3 is not there to read XML');
    return false;
  }
}

test('what it says at a glance', () => {
  const text = strictly(layoutSvg(middling()));
  expect(text).toContain('captured 2026-11-20 12:00 UTC');
  expect(text).toContain('not to scale: 1, 2 are drawn wider');
  expect(text).toContain('2 things not seen');
  expect(text).toContain('371 GiB · 93 %');
  expect(text).toContain('2 mounts: proc, sysfs');
  expect(text).toContain('free  297 GiB');
  expect(text).toContain('on 2 devices:');
});

test('what stands on several devices is tagged at each of them', () => {
  const graph = graphOf(middling());
  expect(graph.stacks.map(({ tag, on, members }) => [tag, on.length, members.length])).toEqual([
    ['A', 2, 1],
    ['B', 2, 1],
    ['C', 2, 1],
  ]);
  const svg = layoutSvg(middling());
  // On the bar and in the line of both members, and at the stack; a member that is a whole disk has no line.
  expect(svg.match(/>C<\/text>/g)).toHaveLength(5);
  expect(svg.match(/>A<\/text>/g)).toHaveLength(3);
});

test('it is for light and dark, stands alone and holds no script', () => {
  const svg = layoutSvg(middling());
  expect(svg).toContain('@media screen and (prefers-color-scheme: dark)');
  expect(svg).not.toMatch(/<script|foreignObject|@import|url\(|href="(?!#)|src=/);
  for (const { page } of [light, dark]) expect(svg).toContain(`.page{fill:${page}}`);
  for (const look of Object.keys(looks)) expect(svg.match(new RegExp(`\\.${look}\\{fill`, 'g'))).toHaveLength(2);
});

test('of 10,000 bind mounts it shows 50 and the number', () => {
  const svg = layoutSvg(crowded(10_000));
  expect(svg.length).toBeLessThan(64 << 10);
  expect(strictly(svg)).toContain('the first 50 of 10,000');
  expect(svg).toContain('/var/lib/pods/49<');
  expect(svg).not.toContain('/var/lib/pods/50<');
});

test('an empty layout has a picture', () => {
  expectComplete(made().layout());
  expectLegible(made().layout());
});
