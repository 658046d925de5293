/** Pictures of plans: every text is within the page, what is lost is red and named, and the same plan gives the same bytes. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { atRest, recordedLayout } from '../../../test/helpers/recorded-layouts.ts';
import type { Shape } from '../svg/shapes.ts';
import { type Face, faces, widthOf } from '../svg/text.ts';
import { planLayout } from './plan.ts';
import { disksOf } from './site.ts';
import { planPage, planSvg } from './svg.ts';
import { planText } from './text.ts';

/** The machine itself, with nothing in use. */
async function ownDisks(name: string) {
  const wanted = await recordedLayout(`${name}.debian12`);
  const named = new Map(disksOf(wanted).map(({ id }) => [id, id]));
  return planLayout({ wanted, found: atRest(wanted), blank: new Set(), named });
}

function textsIn(shapes: readonly Shape[]): Extract<Shape, { shape: 'text' }>[] {
  return shapes.flatMap((shape) =>
    shape.shape === 'group' ? textsIn(shape.parts) : shape.shape === 'text' ? [shape] : [],
  );
}

test.each(['raid1-lvm-luks', 'md-raid1', 'lvm-linear', 'lvm-on-md', 'fs-whole'])(
  '%s: all of it is on the page, with what is lost',
  async (name) => {
    const plan = await ownDisks(name);
    const { width, height, shapes } = planPage(plan);
    const texts = textsIn(shapes);
    for (const { x, y, text, look, align } of texts) {
      const face = Object.keys(faces).find((one): one is Face => one === look.split(' ')[0]) ?? 'body';
      const left = x - widthOf(text, face) * { start: 0, middle: 0.5, end: 1 }[align];
      expect(left, text).toBeGreaterThanOrEqual(0);
      expect(left + widthOf(text, face), text).toBeLessThanOrEqual(width);
      expect(y, text).toBeLessThan(height);
    }
    const svg = planSvg(plan);
    expect(svg).toBe(planSvg(await ownDisks(name)));
    const lost = plan.fates.old.filter(({ fate }) => fate === 'destroy');
    expect(lost.length).toBeGreaterThan(0);
    expect(svg).toContain('class="lost"');
    const told = planText(plan);
    for (const { title, id } of lost) {
      if (id.startsWith('table:')) continue;
      expect(svg.replaceAll('&quot;', '"')).toContain(title);
      expect(told).toMatch(new RegExp(`^ +lost +${RegExp.escape(title)}`, 'm'));
    }
  },
);

const docs = join(import.meta.dirname, '../../../docs');

test('the pictures in docs/plan.md are of plans that are made today', async () => {
  await expect(planSvg(await ownDisks('raid1-lvm-luks'))).toMatchFileSnapshot(join(docs, 'plan-used-disks.svg'));
  const wanted = await recordedLayout('raid1-lvm-luks.debian12');
  const components = disksOf(wanted).map((disk, index) => ({
    ...disk,
    id: `disk:NEW${index}`,
    serial: `NEW${index}`,
    device: `/dev/sd${'ab'[index]}`,
    sizeBytes: 819 << 20,
  }));
  const blank = new Set(components.map(({ id }) => id));
  const smaller = planLayout({ wanted, found: { ...wanted, components }, blank });
  await expect(planSvg(smaller)).toMatchFileSnapshot(join(docs, 'plan-smaller-disks.svg'));
});
