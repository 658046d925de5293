/** Recovery with nobody there, from each kind of medium. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'vitest';
import { isRoot } from '../../helpers/cli.ts';
import { ofToday } from '../../helpers/suite.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { startBootServer } from '../boot-server.ts';
import { mediumOf, startRecovery } from '../recovery.ts';
import { type Protected, protectedSource } from '../source/protect.ts';
import { blankFor, comesBack, unattended } from '../whole-recovery.ts';

if (!isRoot) console.log(`${import.meta.filename}: left out, as a medium holds what only root can read`);
const { signal } = new AbortController();
/** Longer than anything takes on a machine that is busy with ten other things. */
const limitMs = 3_600_000;

interface Scene {
  readonly name: string;
  readonly layout: 'small' | 'stacked';
  readonly firmware: 'bios' | 'uefi';
  readonly format: 'usb' | 'pxe' | 'iso';
  readonly mediumFirst?: boolean;
}

const scenes: readonly Scene[] = [
  { name: 'a USB stick by BIOS', layout: 'small', firmware: 'bios', format: 'usb' },
  { name: 'a USB stick by UEFI', layout: 'small', firmware: 'uefi', format: 'usb' },
  // It comes up again in place of the recovered system, and hands over to that.
  {
    name: 'a stick that is left in and started first',
    layout: 'small',
    firmware: 'uefi',
    format: 'usb',
    mediumFirst: true,
  },
  { name: 'the network', layout: 'small', firmware: 'bios', format: 'pxe' },
  // The volume is opened by its key file, which is in the point.
  { name: 'an ISO, all that storage has', layout: 'stacked', firmware: 'uefi', format: 'iso' },
];

test.skipIf(!isRoot).each(ofToday(scenes, new Date()))(
  '$name',
  { timeout: 7_200_000 },
  async ({ layout, firmware, format, mediumFirst = false }) => {
    const source = await protectedSource({ layout, firmware }, signal);
    const disks = blankFor(source);
    await using work = await temporaryDirectory();
    if (format === 'usb' && firmware === 'bios') return await byStick(source, work.path);
    const { file } = await mediumOf(source, { ...unattended, format }, signal);
    if (format !== 'pxe') {
      const as = format === 'usb' ? 'stick' : 'cd';
      await using machine = await startRecovery(source, { disks, medium: file, as, mediumFirst }, signal);
      await comesBack(source, machine, undefined, signal);
      return;
    }
    const lines = await readFile(join(file, 'dnsmasq.conf'), 'utf8');
    await using server = await startBootServer(file, lines, join(work.path, 'server'));
    const cards = [{ ...server.card, bootIndex: 99 }];
    await using machine = await startRecovery(source, { disks, cards, inside: server.inside }, signal);
    // The address is another one: it has it from another server.
    await comesBack(source, machine, { facts: ['network'] }, signal);
  },
);

/** This firmware starts from the first disk alone, whichever that is, and nobody can tell it otherwise: the stick is put first, and taken out. */
async function byStick(source: Protected, directory: string): Promise<void> {
  const settings = { recover: { ...unattended.settings.recover, after: 'poweroff' } };
  const { file } = await mediumOf(source, { ...unattended, settings, format: 'usb' }, signal);
  const options = { disks: blankFor(source), directory, medium: file, as: 'stick', mediumFirst: true } as const;
  await using first = await startRecovery(source, options, signal);
  await first.machine.ended(limitMs, signal);
  await using machine = await startRecovery(source, { disks: [], again: first.disks }, signal);
  await comesBack(source, machine, undefined, signal);
}
