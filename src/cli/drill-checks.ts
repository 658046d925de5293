/** The checks of the configuration, as they are carried out. */
import type { DrillCheck } from '../config/drill.ts';
import type { WantedCheck } from '../drill/inside.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { parseDuration } from '../kernel/units.ts';

export const wantedChecks = (checks: readonly DrillCheck[]): readonly WantedCheck[] => checks.map(wantedCheck);

function wantedCheck(check: DrillCheck): WantedCheck {
  const common = { name: check.name, within: parseDuration(check.within) };
  if ('tcp' in check) {
    const [, bracketed, plain, port] = /^(?:\[(.+)\]|(.+)):(\d+)$/.exec(check.tcp) ?? [];
    return { ...common, kind: 'tcp', host: bracketed ?? plain ?? '', port: Number(port) };
  }
  const expecting = { ...common, ...present({ expect: check.expect }) };
  if ('http' in check) return { ...expecting, kind: 'http', url: check.http };
  if ('file' in check) return { ...expecting, kind: 'file', path: check.file };
  if ('sql' in check) {
    const { server, sql: query, database } = check;
    return { ...expecting, kind: 'sql', server, query, ...present({ database }) };
  }
  const [program, ...args] = check.command;
  if (program === undefined) throw new LifeboatError('config-invalid', `the check ${check.name} names no program`);
  return { ...expecting, kind: 'command', argv: [program, ...args] };
}
