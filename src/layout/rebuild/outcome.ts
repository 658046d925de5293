/** What a plan comes to, in the order and the words in which it is told: as text and as a picture. */
import { formatBytes } from '../../kernel/units.ts';
import { carriers } from '../handler.ts';
import type { Plan } from './document.ts';
import type { Fates } from './fates.ts';
import type { OrderedSite } from './site.ts';

export type Fate = Fates['old'][number] | Fates['new'][number];

export const signOf = {
  destroy: 'lost',
  keep: 'stays',
  reuse: 'reused',
  resize: 'resized',
  create: 'made',
} as const satisfies Readonly<Record<Fate['fate'], string>>;

export interface Line {
  readonly fate: Fate;
  readonly indent: number;
}

/** Of things that are on these disks each below what it stands on. A table is told with its partitions. */
export function linesOn(
  fates: readonly Fate[],
  site: OrderedSite,
  isOn: (disks: readonly string[]) => boolean,
): readonly Line[] {
  const waiting = new Map(fates.flatMap((fate) => (isOn(site.disksUnder(fate.id)) ? [[fate.id, fate] as const] : [])));
  const lines: Line[] = [];
  const visit = (id: string, indent: number): void => {
    const fate = waiting.get(id);
    if (fate === undefined) return;
    waiting.delete(id);
    const isSilent = ['disk', 'table'].includes(site.get(id).kind);
    if (!isSilent) lines.push({ fate, indent });
    for (const one of site.above(id)) visit(one.id, isSilent ? indent : indent + 1);
  };
  for (const { id } of fates) visit(id, 0);
  return lines;
}

/** In a few words each: how many disks are written to, and how much is lost. */
export function summaryOf({ disks, before, fates, untouched }: Plan): readonly string[] {
  const lost = fates.old.filter(({ fate }) => fate === 'destroy');
  const bytes = lost.reduce((total, one) => total + (one.bytes ?? 0), 0);
  const stays = fates.old.filter(({ fate }) => fate === 'keep').length;
  // In what nothing was seen there may be something all the same.
  const gone = new Set([...lost, ...disks.filter(({ blank }) => !blank)].map(({ id }) => id));
  const held = new Set(before.components.flatMap(({ on }) => on));
  const isAll = before.components.every(({ id, kind }) => !gone.has(id) || held.has(id) || !carriers.includes(kind));
  return [
    `${disks.length} ${disks.length === 1 ? 'disk is' : 'disks are'} written to, ${untouched.length} not`,
    lost.length === 0
      ? isAll
        ? 'nothing is lost'
        : 'what is lost nobody could see'
      : `${isAll ? '' : 'at least '}${formatBytes(bytes)} of data are lost`,
    ...(stays === 0 ? [] : [`${stays} ${stays === 1 ? 'thing stays' : 'things stay'}`]),
  ];
}

const certainties: Readonly<Record<Plan['disks'][number]['certainty'], string>> = {
  same: 'it is the same disk',
  named: 'as told',
  equivalent: 'any of the blank disks would give the same',
  only: 'no other blank disk would do as well',
  likely: 'the most alike of those that are blank: look whether it is the right one',
};

/** Why a disk was taken, and how sure that is. */
export const whyTaken = ({ certainty, reasons }: Plan['disks'][number]): string =>
  [certainties[certainty], ...reasons].join('; ');
