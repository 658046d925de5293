/** One point for a person. */
import { printable } from '../kernel/text.ts';
import { formatBytes } from '../kernel/units.ts';
import { layoutTree } from '../layout/tree.ts';
import { coverageText, exclusionText } from '../point/coverage-text.ts';
import type { Point } from '../point/point.ts';
import { table } from './output.ts';
import type { WholePoint } from './points.ts';
import { verifiedText } from './points-text.ts';

export function pointText(whole: WholePoint): string {
  const { point, captures, arrivedMs, pin } = whole;
  const { data } = point;
  return [
    `Recovery point ${point.id} of ${printable(point.host.name)}`,
    table(
      ['', ''],
      [
        ['made', point.createdAt],
        ['arrived', new Date(arrivedMs).toISOString()],
        ['verified', verifiedText(whole)],
        ...(pin === undefined ? [] : [['pinned', `${pin.reason} (${pin.at})`]]),
        ...(point.rebuilt === undefined ? [] : [['record', `rebuilt out of the data at ${point.rebuilt.at}`]]),
        [
          'system',
          `${captures.facts.osRelease?.prettyName ?? 'unknown'}, kernel ${captures.facts.kernel ?? 'unknown'}`,
        ],
        ['paths', point.include.join(' ')],
        ['left out', point.exclude.join(' ') || 'nothing'],
        ['files', `${data.entries} entries, ${formatBytes(data.bytes)}`],
        ['stored', `${formatBytes(data.storedBytes)} by the engine ${data.engine}`],
        ...(data.base === undefined ? [] : [['made from', data.base]]),
        ...(data.references.length === 0 ? [] : [['needs', data.references.join(' ')]]),
      ],
    ),
    '',
    'Layout',
    layoutTree(captures.layout),
    ...headersText(point),
    '',
    'Coverage',
    coverageText(captures.coverage),
    ...(data.excluded.length === 0 ? [] : ['', exclusionText(data.excluded).trimEnd()]),
    ...pointFindings(point),
  ].join('\n');
}

/** For which volumes there is a header, never what is in it. */
function headersText({ escrow }: Point): string[] {
  if (escrow === undefined) return [];
  return [
    '',
    `LUKS headers, read at ${escrow.readAt}`,
    ...escrow.volumes.map((uuid) => `  kept: ${printable(uuid)}`),
    ...escrow.missing.map(({ subject, problem }) => `  ! ${printable(subject)}: ${printable(problem)}`),
  ];
}

function pointFindings({ data }: Point): string[] {
  if (data.findings.length === 0) return [];
  return [
    '',
    'Findings',
    ...data.findings.map(({ subject, problem }) => `  ! ${printable(subject)}: ${printable(problem)}`),
  ];
}
