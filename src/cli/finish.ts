/** How a command that ran a workflow ends: what it prints, and its exit status. */
import { type ErrorCode, errorRecord, exitStatusOf } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import type { RunOutcome } from '../workflow/runs.ts';
import type { RunReport } from '../workflow/store.ts';
import { commandLine, type Globals } from './globals.ts';
import { printErrorRecord, printResult } from './output.ts';

const MAX_FINDINGS_SHOWN = 50;

/** Turns a good outcome into the document for `--json` and the text for a person. */
export type Present = (outcome: RunOutcome) => { readonly document: unknown; readonly text: () => string };

/** Failures that going on cannot mend: the same step would meet the same thing. */
const final: readonly ErrorCode[] = [
  'archive-damaged',
  'record-damaged',
  'newer-format',
  'no-repository',
  'config-invalid',
  'usage',
  'not-found',
  'refused',
  'locked',
];

/** What a person gives to go on with a run. A recovery looks at the disks first, and only one is at work at a time. */
export function goingOn(globals: Globals, { id, workflow }: Pick<RunReport, 'id' | 'workflow'>): string {
  return workflow === 'recover' ? 'give the same command again' : commandLine(globals, `runs resume ${id}`);
}

/** Prints how a run ended and sets the exit status: that of its error, 4 when something is missing, else 0. */
export function finish(globals: Globals, outcome: RunOutcome, present: Present): void {
  const { report, error } = outcome;
  if (error) {
    process.exitCode = exitStatusOf(error);
    const record = errorRecord(error);
    const resume = final.includes(error.code) ? undefined : `To go on where it stopped: ${goingOn(globals, report)}`;
    const hint = [record.hint, resume].filter(Boolean).join(' ');
    printErrorRecord(globals.json, { ...record, ...(hint === '' ? {} : { hint }) }, process.exitCode, { run: report });
    return;
  }
  const { document, text } = present(outcome);
  const withRun = { ...(typeof document === 'object' ? document : {}), run: report };
  printResult(globals.json, withRun, () => `${text().trimEnd()}\n${findingsText(globals, outcome)}`);
  if (report.status === 'incomplete') process.exitCode = 4;
}

function findingsText(globals: Globals, { report }: RunOutcome): string {
  if (report.findings.length === 0) return '';
  const lines = report.findings.map(({ subject, problem }) => `  ! ${printable(subject)}: ${printable(problem)}`);
  const shown = lines.slice(0, MAX_FINDINGS_SHOWN);
  if (lines.length > shown.length)
    shown.push(`  … and ${lines.length - shown.length} more: ${commandLine(globals, `runs show ${report.id} --json`)}`);
  return `\nIncomplete: ${lines.length} finding${lines.length === 1 ? '' : 's'}\n${shown.join('\n')}`;
}
