/** Coverage as a table for a terminal. */
import type { Exclusion } from '../engine/engine.ts';
import { printable } from '../kernel/text.ts';
import { formatBytes } from '../kernel/units.ts';
import type { CoverageItem } from './coverage.ts';

/** What is missing first. What the kernel makes by itself is one line. */
export function coverageText(items: readonly CoverageItem[]): string {
  const rank = { 'not-covered': 0, partly: 1, covered: 2 } as const;
  const words = { 'not-covered': 'NOT COVERED', partly: 'partly', covered: 'covered' } as const;
  const order = (one: CoverageItem): number => (one.harmless && one.state === 'not-covered' ? 1.5 : rank[one.state]);
  const shown = items.filter((one) => !isKernels(one));
  const rows = shown
    .toSorted((a, b) => order(a) - order(b))
    .map((one) => [
      one.harmless && one.state === 'not-covered' ? 'not needed' : words[one.state],
      one.kind,
      printable(one.subject),
      one.bytes === undefined ? '' : formatBytes(one.bytes),
      printable(one.reason),
    ]);
  const widths = [0, 1, 2, 3].map((column) =>
    rows.reduce((widest, row) => Math.max(widest, Math.min(40, row[column]?.length ?? 0)), 0),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 3 ? cell.padStart(widths[3] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ');
  const kernels = items.length - shown.length;
  return [...rows.map(line), ...(kernels === 0 ? [] : [`not needed   ${kernels} mounts of the kernel's own`])]
    .map((text) => `${text.trimEnd()}\n`)
    .join('');
}

function isKernels({ kind, harmless, reason }: CoverageItem): boolean {
  return kind === 'mount' && harmless && reason.startsWith('made by the kernel');
}

const ruleTexts: Readonly<Record<Exclusion['rule'], string>> = {
  pattern: 'excluded by',
  own: "lifeboat's own files",
  'image-layer': 'layers of images that can be pulled again',
  'cache-directory': 'in cache directories',
  'too-large': 'larger than backup.maxFileSize',
  socket: 'sockets, which no archive can hold',
};

/** What a backup left out by choice, a line for each rule; what is below a directory that was left out is not counted. */
export function exclusionText(excluded: readonly Exclusion[]): string {
  return excluded
    .map(({ rule, pattern, entries, bytes, examples }) => {
      const what = pattern === undefined ? ruleTexts[rule] : `${ruleTexts[rule]} ${printable(pattern)}`;
      const size = bytes === 0 ? '' : `, ${formatBytes(bytes)}`;
      const [first] = examples;
      const such = first === undefined ? '' : `, such as ${printable(first)}`;
      return `left out     ${what}: ${entries}${size}${such}\n`;
    })
    .join('');
}
