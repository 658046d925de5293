/** The one place that writes to stdout and stderr: results to stdout, everything else to stderr. */
import { type ErrorRecord, errorRecord, exitStatusOf, type LifeboatError } from '../kernel/errors.ts';
import { redact, redactText } from '../kernel/secret.ts';
import { printable } from '../kernel/text.ts';

/** Prints the result of a command: with `--json` the document, else the text for a person. */
export function printResult(json: boolean, document: unknown, text: () => string): void {
  const output = json ? JSON.stringify(redact(document), null, 2) : text().trimEnd();
  process.stdout.write(`${output}\n`);
}

/** As {@link printResult}, but with the secrets in it: for what a person asked to be shown, and nothing else. */
export function printWithSecrets(json: boolean, document: unknown, text: () => string): void {
  process.stdout.write(`${json ? JSON.stringify(document, null, 2) : text().trimEnd()}\n`);
}

/** Prints an error and what to do next; with `--json` as a document on stdout, so that a script always gets one. */
export function printError(json: boolean, error: LifeboatError): void {
  printErrorRecord(json, errorRecord(error), exitStatusOf(error), {});
}

/** @param more further keys of the document */
export function printErrorRecord(json: boolean, record: ErrorRecord, exitStatus: number, more: object): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(redact({ error: record, exitStatus, ...more }), null, 2)}\n`);
    return;
  }
  const lines = [`lifeboat: ${printableLines(record.message)}`];
  for (const cause of record.causes ?? []) {
    if (!record.message.includes(cause)) lines.push(`  because: ${printableLines(cause)}`);
  }
  if (record.hint !== undefined) lines.push(`  next: ${printableLines(record.hint)}`);
  process.stderr.write(`${redactText(lines.join('\n'))}\n`);
}

/** Keeps the lines of a message and escapes everything else that could steer a terminal. */
function printableLines(text: string): string {
  return text
    .split('\n')
    .map((line) => printable(line))
    .join('\n    ');
}

/** Rows in columns; a cell that is a number is set to the right. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [header, ...rows].map((row) => row.map((cell) => printable(String(cell))));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const numeric = header.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'));
  return cells
    .map((row) =>
      row
        .map((cell, column) =>
          numeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
