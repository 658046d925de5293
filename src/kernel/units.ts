/** Sizes are bytes and durations milliseconds in data; on screen IEC units and the largest fitting time units. */
import { LifeboatError } from './errors.ts';

const sizeUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

/** `1536` → `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1023.5 && unit < sizeUnits.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || Math.abs(value) >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${sizeUnits[unit]}`;
}

/**
 * `'500M'`, `'20GiB'`, `'1.5 T'` → bytes; all units are powers of 1024.
 *
 * @throws LifeboatError `usage` for anything else
 */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGTPE]?)(?:i?B)?$/i.exec(text.trim());
  if (match?.[1] === undefined) {
    throw new LifeboatError('usage', `not a size: ${JSON.stringify(text)}`, {
      hint: 'Write a number and a unit: 500M, 20G or 1T.',
    });
  }
  return Math.round(Number(match[1]) * 1024 ** 'BKMGTPE'.indexOf(match[2]?.toUpperCase() || 'B'));
}

const durationUnits: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/**
 * `'90s'`, `'15m'`, `'2h'`, `'1d'` → milliseconds.
 *
 * @throws LifeboatError `usage` for anything else
 */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text.trim());
  const unit = durationUnits.get(match?.[2] ?? '');
  if (match?.[1] === undefined || unit === undefined) {
    throw new LifeboatError('usage', `not a duration: ${JSON.stringify(text)}`, {
      hint: 'Write a number and a unit: 500ms, 90s, 15m, 2h or 1d.',
    });
  }
  return Number(match[1]) * unit;
}

/** `83_000` → `1 m 23 s`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
