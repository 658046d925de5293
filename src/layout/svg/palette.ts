/**
 * Colours for light and dark. Hues are those that people with any kind of colour blindness tell apart (after Okabe and
 * Ito); what is used is the stronger of a pair. Text on any of them keeps a contrast of 4.5.
 */
import { hueCount } from './graph.ts';
import { faces } from './text.ts';

/** For one thing: all of it, the part of it that is used, and its outline. */
type Shades = readonly [all: string, used: string, edge: string];

/** What a stretch of a disk may be, with its name in the legend. */
export const looks = {
  boot: 'needed to start',
  ext: 'ext2, ext3, ext4',
  xfs: 'xfs',
  btrfs: 'btrfs',
  files: 'other filesystem',
  swap: 'swap',
  carrier: 'RAID, LVM, encryption',
  other: 'other',
  free: 'free',
} as const;

export type Look = keyof typeof looks;

export interface Scheme {
  readonly page: string;
  readonly card: string;
  readonly edge: string;
  readonly text: string;
  readonly muted: string;
  readonly warn: string;
  readonly warnCard: string;
  /** What is destroyed. */
  readonly loss: string;
  /** Text on a tag. */
  readonly chip: string;
  readonly looks: Readonly<Record<Look, Shades>>;
  readonly tags: readonly string[];
}

export const light: Scheme = {
  page: '#f4f5f7',
  card: '#ffffff',
  edge: '#d3d8de',
  text: '#1b1f24',
  muted: '#545d68',
  warn: '#8a3b00',
  warnCard: '#fff4e5',
  loss: '#b3001b',
  chip: '#ffffff',
  looks: {
    boot: ['#f7f2b8', '#e0d24a', '#8f8500'],
    ext: ['#d9e9f8', '#8fc1ea', '#2f7fc1'],
    xfs: ['#cfeee4', '#79cdb3', '#17866a'],
    btrfs: ['#fce7c6', '#f2bb6b', '#b97400'],
    files: ['#e0e4f0', '#b1bbd8', '#65739d'],
    swap: ['#f7deeb', '#e3a4c8', '#a8487f'],
    carrier: ['#fbded3', '#f2a587', '#c24d1a'],
    other: ['#e8e9eb', '#c4c7cb', '#6f757d'],
    free: ['#ffffff', '#ffffff', '#8b939c'],
  },
  tags: ['#0b5cad', '#9a3412', '#0f6b4f', '#7c2d8f', '#7d5200', '#b0125b', '#3f4a5a', '#006480'],
};

export const dark: Scheme = {
  page: '#0d1117',
  card: '#161b22',
  edge: '#343b45',
  text: '#eef1f5',
  muted: '#a3adb9',
  warn: '#ffb366',
  warnCard: '#2c2013',
  loss: '#ff8a8a',
  chip: '#10141a',
  looks: {
    boot: ['#37350f', '#686210', '#d4c93a'],
    ext: ['#17334c', '#2b6090', '#5aa5e0'],
    xfs: ['#123a30', '#1d6b56', '#3fbf9b'],
    btrfs: ['#412e10', '#80560f', '#e0a03c'],
    files: ['#272d3d', '#49567c', '#8a9ac4'],
    swap: ['#3e2032', '#7d3d63', '#d988b6'],
    carrier: ['#45241a', '#8a4326', '#e8885c'],
    other: ['#2b2e33', '#4d5259', '#9aa1a9'],
    free: ['#161b22', '#161b22', '#6d7682'],
  },
  tags: ['#79b8ff', '#ff9e6d', '#5fd3a8', '#d9a2f0', '#e5b94d', '#ff8fc0', '#b6c2d1', '#5fcfe6'],
};

const sans = 'system-ui,-apple-system,"Segoe UI","Noto Sans","DejaVu Sans",sans-serif';
const mono = 'ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace';

/** The style sheet. Plain rules and no variables: viewers that are no browsers know only those. */
export function styleSheet(): string {
  return [
    ...Object.entries(faces).map(
      ([face, { size, bold, mono: fixed }]) =>
        `.${face}{font:${bold ? 600 : 400} ${size}px ${fixed ? mono : sans};white-space:pre}`,
    ),
    // Frames are drawn by what they hold; a line answers the pointer where nothing is drawn, too.
    '.free{stroke-dasharray:4 3}',
    '.hit{fill:none;pointer-events:all}',
    '*{print-color-adjust:exact;-webkit-print-color-adjust:exact}',
    ...rulesOf(light),
    // Paper is light, whatever the screen is.
    '@media screen and (prefers-color-scheme: dark){',
    ...rulesOf(dark),
    '}',
  ].join('\n');
}

function rulesOf(scheme: Scheme): string[] {
  return [
    `text{fill:${scheme.text}}`,
    `.muted{fill:${scheme.muted}}`,
    `.warn{fill:${scheme.warn}}`,
    `.chip{fill:${scheme.chip}}`,
    `.loss{fill:${scheme.loss}}`,
    `.lost{fill:${scheme.loss};fill-opacity:0.2;stroke:${scheme.loss};stroke-width:2}`,
    `.page{fill:${scheme.page}}`,
    `.card{fill:${scheme.card};stroke:${scheme.edge}}`,
    `.gaps{fill:${scheme.warnCard};stroke:${scheme.warn}}`,
    `.rule{fill:${scheme.edge}}`,
    `.pill{fill:${scheme.page};stroke:${scheme.edge}}`,
    ...Object.entries(scheme.looks).flatMap(([look, [all, used, edge]]) => [
      `.${look}{fill:${all};stroke:${edge}}`,
      `.${look}-used{fill:${used}}`,
      `.${look}-edge{fill:none;stroke:${edge}}`,
    ]),
    ...scheme.tags
      .slice(0, hueCount)
      .flatMap((colour, hue) => [`.hue${hue}{fill:${colour}}`, `.ring${hue}{stroke:${colour};stroke-width:1.5}`]),
  ];
}
