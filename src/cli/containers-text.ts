/** Containers for a person. */
import { type Gap, gapLines } from '../host/gap.ts';
import { printable } from '../kernel/text.ts';
import { formatDuration } from '../kernel/units.ts';
import type { Container } from '../runtime/model/container.ts';
import { holdsData } from '../runtime/model/storage.ts';
import { limitWords } from '../runtime/limit-words.ts';
import { table } from './output.ts';

/** @param now in milliseconds since 1970 */
export function containersText(containers: readonly Container[], gaps: readonly Gap[], now: number): string {
  if (containers.length === 0) return ['There are no containers here.', ...gapLines(gaps)].join('\n');
  const rows = containers.map((container) => [
    container.name,
    container.runtime,
    imageOf(container),
    container.state,
    sinceOf(container, now),
    limitsOf(container),
    dataOf(container),
  ]);
  const header = ['name', 'runtime', 'image', 'state', 'since', 'limits', 'data'];
  return [table(header, rows), ...(gaps.length === 0 ? [] : ['', ...gapLines(gaps)])].join('\n');
}

function imageOf({ image, rootfs }: Container): string {
  return image?.reference ?? image?.id?.slice(0, 12) ?? rootfs?.path ?? '-';
}

function sinceOf({ state, startedAt, createdAt }: Container, now: number): string {
  const since = state === 'running' || state === 'paused' ? (startedAt ?? createdAt) : undefined;
  return since === undefined ? '-' : formatDuration(Math.max(0, now - Date.parse(since)));
}

/** Those that are in force, where it runs. */
function limitsOf({ limits, definedLimits }: Container): string {
  const used = limits ?? definedLimits;
  const words = used === undefined ? [] : limitWords(used, definedLimits?.cpuset?.cpus);
  return words.length === 0 ? '-' : words.join(', ');
}

function dataOf({ mounts }: Container): string {
  const found = mounts.filter(holdsData).map(({ name, source, destination, readOnly }) => {
    const from = name ?? source ?? '?';
    return printable(`${from}:${destination}${readOnly === true ? ' (read-only)' : ''}`);
  });
  return found.length === 0 ? '-' : found.join(', ');
}
