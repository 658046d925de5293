/** The report of a drill as one page of HTML, which needs nothing beside it: to be mailed, printed, and read in ten years. */
import { join } from 'node:path';
import { readIfThere } from '../kernel/read-if-there.ts';
import { formatBytes, formatDuration } from '../kernel/units.ts';
import type { Phase } from './clock.ts';
import { escape } from './escape.ts';
import type { Check, DrillReport } from './report.ts';
import { pageStyle } from './style.ts';
import { timeline } from './timeline.ts';

/** @param evidence the directory in which the picture of the screen lies, if there is one */
export async function reportPage(report: DrillReport, evidence: string): Promise<string> {
  return pageOf(report, await readIfThere(join(evidence, 'screen.png')));
}

const titles = {
  passed: 'Passed',
  sampled: 'Passed, by sample',
  unchecked: 'Not all was looked at',
  failed: 'Failed',
} as const;

export function pageOf(report: DrillReport, screen?: Uint8Array): string {
  const { host, point, result, what, at, phases, checks, problem, evidence, unchecked = [] } = report;
  const title = `Drill of ${host}: ${titles[result].toLowerCase()}`;
  const body = [
    `<header class="${result}"><p class="verdict">${titles[result]}</p><h1>Drill of ${escape(host)}</h1>`,
    `<p>${what === 'machine' ? 'Recovered in a virtual machine that reaches nothing, started, and looked at' : 'All files restored into a directory, and compared'}: ${day(at)}</p></header>`,
    ...(problem === undefined
      ? []
      : [`<section class="problem"><h2>Why it failed</h2><pre>${escapeLines(problem)}</pre></section>`]),
    figures(report),
    `<section><h2>Timeline</h2>${timeline(phases)}${phaseTable(phases)}</section>`,
    `<section><h2>What was looked at</h2>${checkTable(checks, unchecked)}</section>`,
    ...machineSection(report),
    ...(screen === undefined ? [] : [picture(screen)]),
    `<section><h2>What this is of</h2>${definitions([
      ['Point', `${escape(point)}, made ${day(report.pointMadeAt)}`],
      ['Repository', escape(report.repository)],
      [
        'Medium',
        report.medium === undefined ? 'none' : `${escape(report.medium.id)}, kernel ${escape(report.medium.kernel)}`,
      ],
      ['Plan', escape(report.recovery?.plan ?? 'none')],
      ['lifeboat', escape(report.version)],
      ...Object.entries(evidence).map(([name, digest]) => [escape(name), `<code>${escape(digest)}</code>`] as const),
    ])}</section>`,
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title><style>${pageStyle}</style></head>
<body><main>
${body.join('\n')}
</main></body></html>
`;
}

function figures({ seconds, rpoSeconds, what, result, recovery, checks, unchecked = [] }: DrillReport): string {
  const proof = recovery?.proof;
  const passed = checks.filter((check) => check.passed).length;
  const rto = what === 'machine' ? 'from power-on to the login' : 'to restore and prove the files';
  const boxes = [
    ['RTO', formatDuration(seconds * 1000), result === 'failed' ? 'until it failed' : rto],
    ['RPO', formatDuration(rpoSeconds * 1000), 'age of the point when it began'],
    ['Checks', `${passed} of ${checks.length + unchecked.length}`, 'are as they should be'],
    ...(proof === undefined
      ? []
      : [
          [
            'Proven',
            `${proof.entries.toLocaleString('en')} entries`,
            `${formatBytes(proof.bytes)} of content read back; ${proof.wrong} wrong`,
          ],
        ]),
  ];
  const cells = boxes.map(([name, value, word]) => `<div><p>${name}</p><strong>${value}</strong><p>${word}</p></div>`);
  return `<section class="figures">${cells.join('')}</section>`;
}

function phaseTable(phases: readonly Phase[]): string {
  const rows = phases.map(({ name, from, seconds, own, within }) => {
    const word = own === true ? ' <em>(only a drill does this)</em>' : '';
    return `<tr class="${within === undefined ? '' : 'part'}"><td>${escape(name)}${word}</td><td>${from.toFixed(1)}</td><td>${seconds.toFixed(1)}</td></tr>`;
  });
  return `<table class="phases"><thead><tr><th>phase</th><th>from, s</th><th>took, s</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function checkTable(checks: readonly Check[], unchecked: readonly string[]): string {
  if (checks.length === 0) return '<p>It did not come so far.</p>';
  const rows = checks.map(({ name, passed, detail }) => {
    const mark = passed ? '<td class="ok">ok</td>' : '<td class="wrong">wrong</td>';
    return `<tr>${mark}<td>${escape(name)}</td><td>${escape(detail)}</td></tr>`;
  });
  const not = unchecked.map(
    (name) => `<tr><td class="not">not</td><td>${escape(name)}</td><td>not looked at</td></tr>`,
  );
  return `<table><tbody>${[...rows, ...not].join('')}</tbody></table>`;
}

function machineSection({ machine }: DrillReport): readonly string[] {
  if (machine === undefined) return [];
  const { firmware, accelerator, memoryMiB, cpus, disks, cards, notes, cpuSeconds } = machine;
  const rows = disks.map(
    ({ of, serial, bus, sizeBytes, sectorSize }) =>
      `<tr><td>${escape(of)}</td><td>${formatBytes(sizeBytes)}</td><td>${sectorSize}</td><td>${escape(bus)}</td><td>${escape(serial)}</td></tr>`,
  );
  const table = `<table><thead><tr><th>disk</th><th>size</th><th>sector</th><th>bus</th><th>serial</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
  const facts = definitions([
    ['Firmware', escape(firmware)],
    ['Processors', `${cpus}${accelerator === 'tcg' ? ', emulated' : ''}; ${formatDuration(cpuSeconds * 1000)} of work`],
    ['Memory', formatBytes(memoryMiB * 2 ** 20)],
    [
      'Network cards',
      cards.map(({ mac, model }) => `${escape(mac ?? 'any address')} (${escape(model)})`).join(', ') || 'none',
    ],
  ]);
  const odd =
    notes.length === 0
      ? ''
      : `<p>Not as it was recorded:</p><ul>${notes.map((note) => `<li>${escape(note)}</li>`).join('')}</ul>`;
  return [`<section><h2>The machine</h2>${facts}${table}${odd}</section>`];
}

function picture(screen: Uint8Array): string {
  const data = Buffer.from(screen).toString('base64');
  return `<section><h2>Its screen in the end</h2><img alt="the screen of the machine" src="data:image/png;base64,${data}"></section>`;
}

/** @param pairs of what is HTML already */
function definitions(pairs: readonly (readonly [name: string, value: string])[]): string {
  return `<dl>${pairs.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join('')}</dl>`;
}

const day = (iso: string): string =>
  `<time datetime="${escape(iso)}">${escape(iso.slice(0, 16).replace('T', ' '))} UTC</time>`;

const escapeLines = (text: string): string => text.split('\n').map(escape).join('\n');
