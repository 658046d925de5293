/** What workflows gave, for people and for scripts. */
import { printable } from '../kernel/text.ts';
import { formatBytes } from '../kernel/units.ts';
import { coverageText, exclusionText } from '../point/coverage-text.ts';
import { layoutTree } from '../layout/tree.ts';
import type { PointList } from '../point/records.ts';
import type { Point, Trust } from '../point/point.ts';
import { typedState } from '../steps/define.ts';
import type { RunOutcome } from '../workflow/runs.ts';
import type { Present } from './finish.ts';
import { table } from './output.ts';
import type { WholePoint } from './points.ts';

/** After `backup`. */
export function describeOutcome({ state }: RunOutcome): ReturnType<Present> {
  const { data, recorded, coverage = [] } = typedState(state);
  const uncovered = coverage.filter((item) => item.state !== 'covered');
  return {
    document: { point: recorded?.point, repository: recorded?.repository, data, coverage },
    text: () =>
      [
        `Recovery point ${recorded?.point} is in ${recorded?.repository}; every byte was read back and is right.`,
        `  ${data?.entries} entries, ${formatBytes(data?.bytes ?? 0)} of files, ${formatBytes(data?.storedBytes ?? 0)} stored`,
        ...(data?.base === undefined
          ? ['  a full point: it needs no other']
          : [`  builds upon ${data.base}: ${changesText(data.changes)}`]),
        ...(data === undefined || data.excluded.length === 0 ? [] : ['', exclusionText(data.excluded).trimEnd()]),
        ...(uncovered.length === 0 ? [] : ['', 'Not, or not wholly, covered:', coverageText(uncovered)]),
      ].join('\n'),
  };
}

function changesText(changes: Point['data']['changes']): string {
  const { added = 0, changed = 0, removed = 0 } = changes ?? {};
  return `${added} added, ${changed} changed, ${removed} removed`;
}

/** After `restore`. */
export function describeRestore({ state }: RunOutcome): ReturnType<Present> {
  const { restored, point } = typedState(state);
  const { created = 0, replaced = 0, attributes = 0, same = 0, untouched = 0, kept = 0 } = restored ?? {};
  const checked = restored?.reread ? ' and read back from the disk' : '';
  return {
    document: { point: point?.id, ...restored },
    text: () =>
      [
        `Restored point ${point?.id} to ${printable(restored?.directory ?? '')}: ${created} entries created, ${replaced} replaced, ` +
          `${attributes} given their attributes (${formatBytes(restored?.bytes ?? 0)} of files)`,
        ...(kept > 0 ? [`  ${kept} of them were whole from an attempt before`] : []),
        ...(same > 0 ? [`  ${same} were there already, and the same`] : []),
        ...(untouched > 0 ? [`  ${untouched} that the point does not have were left alone`] : []),
        `  checked: the content of each file by its SHA-256 as it was written${checked}; all else on the disk`,
      ].join('\n'),
  };
}

/** After `points verify`. */
export function describeVerification({ state }: RunOutcome): ReturnType<Present> {
  const { verifications = [] } = typedState(state);
  const readBack = verifications.reduce((sum, { storedBytes = 0 }) => sum + storedBytes, 0);
  return {
    document: { verifications },
    text: () =>
      verifications.length === 0
        ? 'No point is due to be verified.'
        : [
            ...verifications.map(({ point, entries, bytes, depth }) => {
              const counts = entries === undefined ? '' : `: ${entries} entries, ${formatBytes(bytes ?? 0)} of files`;
              return `Point ${point} is right${counts}${depth === 'content' ? '' : ' (its ciphertext; there is no key here to see more)'}.`;
            }),
            `${formatBytes(readBack)} read back.`,
          ].join('\n'),
  };
}

/** By the name of the workflow, for a run that is resumed. */
export const presentations: Readonly<Record<string, Present | undefined>> = {
  backup: describeOutcome,
  restore: describeRestore,
  verify: describeVerification,
};

const trustText: Readonly<Record<Trust, string>> = {
  stored: 'stored, never read back',
  'read-back': 'read back, right',
  damaged: 'DAMAGED',
};

export function pointTable({ points, damaged }: PointList): string {
  const rows = points.map(({ point, trust }) => [
    point.id,
    point.createdAt,
    point.data.entries,
    formatBytes(point.data.bytes),
    formatBytes(point.data.storedBytes),
    trustText[trust],
  ]);
  const list =
    rows.length === 0 ? 'No points yet.' : table(['point', 'made', 'entries', 'files', 'stored', 'verified'], rows);
  const bad = damaged.map(({ key, error }) => `  ! ${printable(key)}: ${printable(error.message)}`);
  return bad.length === 0 ? list : `${list}\n\nRecords that cannot be read:\n${bad.join('\n')}`;
}

export function pointText({ point, captures, trust, arrivedMs }: WholePoint): string {
  return [
    `Recovery point ${point.id} of ${printable(point.host.name)}`,
    table(
      ['', ''],
      [
        ['made', point.createdAt],
        ['arrived', new Date(arrivedMs).toISOString()],
        ['verified', trustText[trust]],
        [
          'system',
          `${captures.facts.osRelease?.prettyName ?? 'unknown'}, kernel ${captures.facts.kernel ?? 'unknown'}`,
        ],
        ['paths', point.include.join(' ')],
        ['left out', point.exclude.join(' ') || 'nothing'],
        ['files', `${point.data.entries} entries, ${formatBytes(point.data.bytes)}`],
        ['stored', `${formatBytes(point.data.storedBytes)} by the engine ${point.data.engine}`],
      ],
    ),
    '',
    'Layout',
    layoutTree(captures.layout),
    '',
    'Coverage',
    coverageText(captures.coverage),
    ...pointFindings(point),
  ].join('\n');
}

function pointFindings({ data }: Point): string[] {
  if (data.findings.length === 0) return [];
  return [
    '',
    'Findings',
    ...data.findings.map(({ subject, problem }) => `  ! ${printable(subject)}: ${printable(problem)}`),
  ];
}
