import { printable } from '../kernel/text.ts';
import { formatDuration } from '../kernel/units.ts';
import type { RunReport } from '../workflow/store.ts';
import { goingOn } from './finish.ts';
import { commandLine, type Globals } from './globals.ts';
import { table } from './output.ts';

/** A run for a person. @param log where its log lies, when that is to be said */
export function runText(report: RunReport, log: string | undefined, globals: Globals): string {
  const lines = [
    `Run ${report.id} of ${report.workflow}: ${report.status}`,
    `  started ${report.startedAt}, last record ${report.lastAt}`,
    ...(log === undefined ? [] : [`  log ${log}`]),
    '',
    table(
      ['finished step', 'took'],
      report.finishedSteps.map(({ id, ms }) => [id, formatDuration(ms)]),
    ),
  ];
  if (report.error) {
    lines.push('', `Failed in ${report.failedStep}: ${printable(report.error.message)}`);
    if (report.error.hint !== undefined) lines.push(`  next: ${printable(report.error.hint)}`);
  }
  for (const { subject, problem } of report.findings) lines.push(`  ! ${printable(subject)}: ${printable(problem)}`);
  if (report.owed.length > 0) lines.push('', `Still to be cleaned up: ${report.owed.join(', ')}`);
  if (['failed', 'interrupted', 'killed'].includes(report.status)) {
    const undo = commandLine(globals, `runs resume ${report.id} --undo`);
    lines.push('', `To go on: ${goingOn(globals, report)}`, `To undo it: ${undo}`);
  }
  return lines.join('\n');
}
