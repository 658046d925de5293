import { expect, test } from 'vitest';
import { dark, light } from './palette.ts';

/** A fifth of `pane` before `ground`. */
function mixed(ground: string, pane: string): string {
  const parts = [1, 3, 5].map((at) => {
    const [below, above] = [ground, pane].map((colour) => Number.parseInt(colour.slice(at, at + 2), 16));
    return Math.round((below ?? 0) * 0.8 + (above ?? 0) * 0.2)
      .toString(16)
      .padStart(2, '0');
  });
  return `#${parts.join('')}`;
}

/** WCAG 2.2, relative luminance and contrast ratio. */
function contrast(one: string, other: string): number {
  const [high = 0, low = 0] = [one, other]
    .map((colour) => {
      const [red = 0, green = 0, blue = 0] = [1, 3, 5]
        .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
        .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    })
    .sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

test.each(Object.entries({ light, dark }))('text can be read in the %s scheme', (_, scheme) => {
  const { text, muted, warn, chip, page, card, warnCard, loss } = scheme;
  const pairs = [
    ...[page, card].flatMap((ground) => [text, muted, warn, loss].map((ink) => [ink, ground])),
    ...[text, muted, warn].map((ink) => [ink, warnCard]),
    ...[loss, ...scheme.tags].map((ground) => [chip, ground]),
    ...Object.values(scheme.looks).flatMap(([all, used]) => [
      [text, all],
      [text, used],
      // Behind the red pane before what is lost.
      [text, mixed(used, loss)],
    ]),
  ];
  for (const [ink = '', ground = ''] of pairs)
    expect(contrast(ink, ground), `${ink} on ${ground}`).toBeGreaterThan(4.5);
  // Frames and the border of the used part need 3.
  for (const [look, [, , edge]] of Object.entries(scheme.looks)) expect(contrast(edge, card), look).toBeGreaterThan(3);
});
