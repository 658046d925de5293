/** What a tired person does to bring one machine back: one page, in the order of doing, with what that machine is. */
import { printable } from '../kernel/text.ts';
import { formatBytes } from '../kernel/units.ts';
import type { Component, ComponentOf, Layout } from '../layout/types.ts';

export interface RunbookFacts {
  readonly host: string;
  readonly at: string;
  /** That of the configuration, and after it the others that are tried. */
  readonly repositories: readonly string[];
  readonly layout: Layout;
  readonly addresses: readonly string[];
  readonly medium?: {
    readonly format: string;
    readonly output: string;
    readonly made: string;
    readonly hostKey?: string;
    readonly provenAt?: string;
    readonly stale: boolean;
  };
  readonly newest?: { readonly id: string; readonly createdAt: string; readonly trust: string };
  /** What the last recovery or drill that was proven took, from its start to its end. */
  readonly seconds?: number;
  readonly unattended?: string;
}

/** As printers have it by themselves: 80 letters a line; and with as many disks and addresses as there is room for on a page. */
const columns = 80;
const most = 8;

export function runbookText(facts: RunbookFacts): string {
  const { host, at, repositories, layout, addresses, medium, newest, seconds, unattended } = facts;
  const typed = layout.components
    .filter((one): one is ComponentOf<'luks'> => one.kind === 'luks' && one.open)
    .filter(({ crypttab }) => crypttab === undefined || !crypttab.key.startsWith('/'))
    .map(({ name, uuid }) => name ?? uuid ?? '');
  const lines = [
    `RECOVER ${host}`,
    `Printed ${at.slice(0, 10)}. Again when it has changed: lifeboat recover --runbook`,
    '',
    ...fact('firmware', [firmwareOf(layout)]),
    ...fact('disks', layout.components.flatMap(diskLine)),
    ...fact('network', addresses),
    ...fact('repository', repositories.length === 0 ? ['(none configured)'] : repositories),
    ...fact(
      'newest',
      newest === undefined ? ['(could not be asked for)'] : [newest.id, `made ${newest.createdAt}, ${newest.trust}`],
    ),
    ...fact('medium', medium === undefined ? ['(none was made here: lifeboat rescue build)'] : mediumLines(medium)),
    ...fact('takes', [seconds === undefined ? '(never measured: lifeboat drill)' : lasting(seconds)]),
    '',
    'BEFORE',
    '  [ ] The recovery code is on the recovery sheet. Bring the sheet.',
    ...(typed.length === 0 ? [] : [`  [ ] The passphrase of ${typed.join(', ')} is typed, too.`]),
    '  [ ] Only files are missing? Then: lifeboat restore latest PATH --to DIR',
    '  [ ] Pull out what must survive and is no part of it: other disks, sticks.',
    '  [ ] Disks that failed are replaced by blank ones with room for what was used.',
    '',
    'START',
    "  1. Medium in, switch on, choose it in the firmware's menu (F12, F11, Esc).",
    '  2. A menu comes, on the screen, the serial line, and by ssh as root.',
    '     Choose 1, Recover. In a shell the same is:',
    '         lifeboat recover',
    '         lifeboat --repository URL recover        (from another place)',
    '  3. Type the recovery code. It is not shown; a typing error is told at once.',
    '  4. Read the plan: which disks, and what is lost on each. So far nothing was',
    '     written. Wrong disk? Answer nothing. One that is not blank has to be named:',
    '         lifeboat recover --map OLD-SERIAL=NEW-SERIAL',
    '  5. Agree by typing what it says. It ends with "Recovered, and proven equal".',
    '  6. Answer y to start the machine, and take the medium out.',
    ...(unattended === undefined
      ? []
      : ['  By itself: the word lifeboat.recover in the menu of the loader.', `     It takes ${unattended}.`]),
    '',
    'WHEN IT STOPS',
    '  Below the message, "next:" says what to do. Then give the same command again:',
    '  it goes on where it was.',
    '  no repository   the network is in the menu; or --repository of another copy',
    '  damaged point   nothing was touched: lifeboat points list, recover --point ID',
    '  disk too small  --exclude /srv leaves it out; --rewrite changes RAID (plan.md)',
    '  power cut       the same again: disks that were begun are known by their mark',
    '  NOT proven      each difference is listed, and it does not start. Mend it:',
    '                  chroot /mnt/recovered; then lifeboat recover --from finalize',
    '  does not boot   medium in, lifeboat recover --mount-only; then as above',
    '  to look first   menu, "Mount the old system": nothing is written to its disks',
    '',
    'AFTERWARDS',
    '  [ ] systemctl --failed   [ ] lifeboat backup   [ ] lifeboat rescue build',
    '  The log is in /var/log/lifeboat on the machine, and in the repository.',
  ];
  return lines.map((line) => `${printable(line).trimEnd()}\n`).join('');
}

/** A word, and beside it what there is of it, a line for each. */
function fact(name: string, values: readonly string[]): string[] {
  const more = values.length > most ? [`and ${values.length - most + 1} more`] : [];
  const shown = [...values.slice(0, more.length === 0 ? most : most - 1), ...more];
  return (shown.length === 0 ? ['(none)'] : shown)
    .flatMap((value) => folded(value, columns - 14))
    .map((value, index) => `  ${(index === 0 ? name : '').padEnd(12)}${value}`);
}

const folded = (value: string, width: number): string[] =>
  value.length <= width ? [value] : [value.slice(0, width), ...folded(value.slice(width), width)];

function firmwareOf({ components }: Layout): string {
  const boot = components.find((one): one is ComponentOf<'boot'> => one.kind === 'boot');
  return boot === undefined ? '(unknown)' : boot.firmware;
}

function diskLine(one: Component): string[] {
  if (one.kind !== 'disk' || one.sizeBytes === 0 || one.removable) return [];
  const { serial, model, sizeBytes, device } = one;
  return [[serial ?? '(no serial)', formatBytes(sizeBytes), model, `was ${device}`].filter(Boolean).join('  ')];
}

function mediumLines({
  format,
  output,
  made,
  provenAt,
  hostKey,
  stale,
}: NonNullable<RunbookFacts['medium']>): string[] {
  const tried = provenAt === undefined ? 'never tried' : `seen to start ${provenAt.slice(0, 10)}`;
  return [
    `${format} ${output}`,
    `made ${made.slice(0, 10)}, ${stale ? 'DOES NOT FIT any more' : tried}`,
    ...(hostKey === undefined ? [] : [`its ssh is ${hostKey}`]),
  ];
}

const lasting = (seconds: number): string =>
  `${seconds < 120 ? `${Math.round(seconds)} seconds` : `${Math.round(seconds / 60)} minutes`}, when it was last done`;
