/** One point for a person. */
import { printable } from '../kernel/text.ts';
import { formatBytes, formatDuration } from '../kernel/units.ts';
import { layoutTree } from '../layout/tree.ts';
import { coverageText, exclusionText } from '../point/coverage-text.ts';
import type { Captures } from '../point/captures.ts';
import type { Point, Recovered } from '../point/point.ts';
import { bringBack } from '../runtime/bring-back.ts';
import { containersText } from './containers-text.ts';
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
    ...capturedText(captures, Date.parse(point.createdAt)),
    '',
    'Coverage',
    coverageText(captures.coverage),
    ...(data.excluded.length === 0 ? [] : ['', exclusionText(data.excluded).trimEnd()]),
    ...drillText(whole.recovered),
    ...drillText(whole.restored),
    ...pointFindings(point),
  ].join('\n');
}

/** In a few words each, and what starts them on a host that was recovered; `--json` prints all that is known of them. */
function capturedText({ containers, facts }: Pick<Captures, 'containers' | 'facts'>, then: number): string[] {
  if (containers === undefined || containers.containers.length === 0) return [];
  const enabled = facts.services && new Set(facts.services.enabled.map(({ name }) => name));
  const starts = containers.containers.map((container) => {
    const { by, how } = bringBack(container, enabled);
    const who = { itself: 'starts by itself', somebody: '! to be started', not: 'stays as it was' }[by];
    return printable(`  ${container.name}: ${who}: ${how}`);
  });
  return ['', 'Containers', containersText(containers.containers, [], then), '', 'After a recovery', ...starts];
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

/** How it went when it was last recovered: what it took, and what was looked at. */
function drillText(recovered: Recovered | undefined): string[] {
  if (recovered === undefined) return [];
  const {
    how,
    what,
    at,
    by,
    result,
    problem,
    seconds,
    rpoSeconds,
    phases,
    proof,
    machine,
    checks = [],
    unchecked = [],
  } = recovered;
  const duration = (one: number) => formatDuration(one * 1000);
  const disks = machine?.disks.map(({ sizeBytes }) => formatBytes(sizeBytes)).join(' + ') ?? '';
  const rows = [
    ['when', `${at}, by ${printable(by.host)}`],
    ['result', result === 'failed' ? `FAILED${problem === undefined ? '' : `: ${printable(problem)}`}` : result],
    ...(what === 'files' || seconds === undefined ? [] : [['RTO', `${duration(seconds)}${phasesText(phases)}`]]),
    ['RPO', `the point was ${duration(rpoSeconds)} old`],
    ...(machine === undefined ? [] : [['machine', `${machine.firmware}, ${disks}`]]),
    ...(proof === undefined ? [] : [['proven', proofText(proof)]]),
  ];
  const title = how === 'recover' ? 'Recovery of the machine' : what === 'files' ? 'Drill of the files' : 'Drill';
  return [
    '',
    title,
    table(['', ''], rows),
    ...checks.map(({ name, passed, detail }) => `  ${passed ? ' ' : '!'} ${printable(name)}: ${printable(detail)}`),
    ...unchecked.map((name) => `  ! ${printable(name)}: not looked at`),
  ];
}

function phasesText(phases: Recovered['phases']): string {
  const list = phases.map(({ name, seconds }) => `${name} ${formatDuration(seconds * 1000)}`);
  return list.length === 0 ? '' : ` (${list.join(', ')})`;
}

function proofText({ leftOut = 0, ...counts }: NonNullable<Recovered['proof']>): string {
  const { entries, files, bytes, wrong, graph, boot, mounts } = counts;
  const part = leftOut === 0 ? '' : `; ${leftOut} were left out`;
  const looked = `${entries} entries compared, ${files} files read back (${formatBytes(bytes)})${part}`;
  const faults = Object.entries({ 'entries wrong': wrong, storage: graph, boot, mounts }).filter(
    ([, count]) => count > 0,
  );
  return faults.length === 0
    ? looked
    : `${looked}; wrong: ${faults.map(([name, count]) => `${name} ${count}`).join(', ')}`;
}

function pointFindings({ data }: Point): string[] {
  if (data.findings.length === 0) return [];
  return [
    '',
    'Findings',
    ...data.findings.map(({ subject, problem }) => `  ! ${printable(subject)}: ${printable(problem)}`),
  ];
}
