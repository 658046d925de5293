import { printable } from '../kernel/text.ts';
import { formatBytes } from '../kernel/units.ts';
import { gapLines } from '../host/gap.ts';
import type { Facts } from './types.ts';

/** For a terminal. */
export function factsText(facts: Facts): string {
  const packages = Object.entries(facts.packages).map(([manager, count]) => `${count} (${manager})`);
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['host', facts.hostname],
    ['machine id', facts.machineId],
    ['system', facts.osRelease.prettyName],
    ['kernel', `${facts.kernel} ${facts.architecture}`],
    ['CPU', `${facts.cpuCount} × ${facts.cpuModel ?? 'unknown model'}`],
    ['memory', formatBytes(facts.memoryBytes)],
    ['firmware', facts.firmware],
    ['virtualization', facts.virtualization],
    ['packages', packages.length === 0 ? undefined : packages.join(', ')],
  ];
  const lines = rows.flatMap(([name, value]) =>
    value === undefined ? [] : [printable(`${name.padEnd(15)} ${value}`)],
  );
  return [...lines, ...gapLines(facts.gaps)].map((line) => `${line}\n`).join('');
}
