/** A drill as a person reads it. */
import { formatBytes, formatDuration } from '../kernel/units.ts';
import { printable } from '../kernel/text.ts';
import type { DrillDocument, plannedDrill } from './drill.ts';
import { table } from './output.ts';

export function drillText(document: DrillDocument): string {
  const { host, point, rpoSeconds, machine, phases, checks, unchecked = [], problem, files, onRecord } = document;
  const rows = [
    ...checks.map((check) => [check.passed ? 'ok' : 'WRONG', check.name, check.detail]),
    ...unchecked.map((name) => ['NOT', name, 'not looked at']),
  ];
  return [
    headline(document),
    '',
    took(document),
    `RPO ${formatDuration(rpoSeconds * 1000)}: so old was the point ${point} of ${printable(host)}`,
    ...(machine === undefined
      ? []
      : [
          `Machine: ${machine.firmware}, ${machine.cpus} processors${machine.accelerator === 'tcg' ? ', emulated' : ''}, ${formatBytes(machine.memoryMiB * 2 ** 20)} of memory, ${machine.disks.length} disks`,
          ...machine.notes.map((note) => `  ${printable(note)}`),
        ]),
    '',
    table(
      ['phase', 'from', 'seconds'],
      phases.map(({ name, from, seconds, own, within }) => [
        `${within === undefined ? '' : '  '}${name}${own === true ? ' (of the drill alone)' : ''}`,
        from.toFixed(1),
        seconds.toFixed(1),
      ]),
    ),
    ...(rows.length === 0 ? [] : ['', table(['', 'check', ''], rows)]),
    ...(problem === undefined ? [] : ['', problem.split('\n').map(printable).join('\n')]),
    '',
    `report and evidence: ${files}`,
    onRecord === true ? 'on record with the point' : `not on record: ${onRecord}`,
  ].join('\n');
}

export function plannedText(planned: Awaited<ReturnType<typeof plannedDrill>>): string {
  const about = `Point ${planned.point} of ${printable(planned.host)}, made ${planned.pointMadeAt}: nothing is done (--dry-run)`;
  if (planned.what === 'files')
    return `${about}\n${formatBytes(planned.bytes)} of files would be restored, compared and removed.`;
  const { disks, cards, firmware, memoryMiB, cpus, notes } = planned.machine;
  return [
    about,
    `It would be recovered in a machine with ${cpus} processors, ${formatBytes(memoryMiB * 2 ** 20)} of memory, started by ${firmware}:`,
    '',
    table(
      ['disk', 'size', 'sector', 'bus', 'serial'],
      disks.map(({ of, sizeBytes, sectorSize = 512, bus, serial }) => [
        of,
        formatBytes(sizeBytes),
        sectorSize,
        bus,
        serial,
      ]),
    ),
    ...cards.map(
      ({ mac, model }) => `network card ${mac ?? 'with any address'} (${model ?? 'virtio'}), which reaches nothing`,
    ),
    ...(notes.length === 0 ? [] : ['', 'Not as it was recorded:', ...notes.map((note) => `  ${printable(note)}`)]),
  ].join('\n');
}

function took({ result, seconds, what }: DrillDocument): string {
  const time = formatDuration(seconds * 1000);
  if (result === 'failed') return `It took ${time} until it had failed.`;
  return `RTO ${time} ${what === 'machine' ? 'from power-on to the login' : 'to bring its files back and prove them'}`;
}

function headline({ result, what }: DrillDocument): string {
  const recovered = what === 'machine' ? 'The machine was recovered' : 'The files were restored';
  switch (result) {
    case 'passed':
      return `${recovered}, and is what it was: the drill passed.`;
    case 'sampled':
      return `${recovered}, and what was looked at is what it was: proven by sample only.`;
    case 'unchecked':
      return `${recovered}, and what was looked at is what it was; but not all was looked at.`;
    case 'failed':
      return 'The drill FAILED: rely on nothing until you know why.';
  }
}
