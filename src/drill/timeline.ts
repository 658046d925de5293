/** The phases of a drill as a picture: one row each, along the seconds since power-on. */
import { formatDuration } from '../kernel/units.ts';
import type { Phase } from './clock.ts';
import { escape } from './escape.ts';

const width = 760;
const left = 96;
const right = 56;
const rowHeight = 22;
const top = 26;

/** An SVG; its colours are those of the page. */
export function timeline(phases: readonly Phase[]): string {
  const end = Math.max(1, ...phases.map(({ from, seconds }) => from + seconds));
  const scale = (width - left - right) / end;
  const x = (seconds: number): string => (left + seconds * scale).toFixed(1);
  const height = top + phases.length * rowHeight + 6;
  const ticks = ticksUpTo(end).map(
    (at) =>
      `<line class="grid" x1="${x(at)}" x2="${x(at)}" y1="${top - 6}" y2="${height - 6}"/><text class="tick" x="${x(at)}" y="${top - 11}">${at === 0 ? '0' : formatDuration(at * 1000)}</text>`,
  );
  const rows = phases.map(({ name, from, seconds, own, within }, index) => {
    const y = top + index * rowHeight;
    const kind = own === true ? 'own' : within === undefined ? 'whole' : 'part';
    const bar = Math.max(1.5, seconds * scale);
    const middle = y + rowHeight / 2 + 4;
    return [
      `<text class="name ${kind}" x="${left - 8}" y="${middle}">${escape(name)}</text>`,
      `<rect class="${kind}" x="${x(from)}" y="${y + 4}" width="${bar.toFixed(1)}" height="${rowHeight - 8}" rx="2"/>`,
      `<text class="took" x="${(Number(x(from)) + bar + 5).toFixed(1)}" y="${middle}">${shortly(seconds)}</text>`,
    ].join('');
  });
  return `<svg class="timeline" viewBox="0 0 ${width} ${height}" role="img" aria-label="what happened when">${ticks.join('')}${rows.join('')}</svg>`;
}

const shortly = (seconds: number): string =>
  seconds < 100 ? `${seconds.toFixed(1)} s` : formatDuration(seconds * 1000);

const steps = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 43_200, 86_400];

/** Six or so, at round times. */
function ticksUpTo(end: number): readonly number[] {
  const step = steps.find((one) => end / one <= 7) ?? 86_400 * Math.ceil(end / 86_400 / 7);
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => index * step);
}
