/** Recovery with nobody there, from each kind of medium. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'vitest';
import { isRoot } from '../../helpers/cli.ts';
import { ofToday } from '../../helpers/suite.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { startBootServer } from '../boot-server.ts';
import { mediumOf, type MadeMedium, startRecovery } from '../recovery.ts';
import { protectedSource } from '../source/protect.ts';
import { blankFor, comesBack, unattended } from '../whole-recovery.ts';

if (!isRoot) console.log(`${import.meta.filename}: left out, as a medium holds what only root can read`);
const { signal } = new AbortController();

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
    const made: MadeMedium = { ...unattended, format };
    const { file } = await mediumOf(source, made, signal);
    const disks = blankFor(source);
    if (format !== 'pxe') {
      const as = format === 'usb' ? 'stick' : 'cd';
      await using machine = await startRecovery(source, { disks, medium: file, as, mediumFirst }, signal);
      await comesBack(source, machine, undefined, signal);
      return;
    }
    await using work = await temporaryDirectory();
    const lines = await readFile(join(file, 'dnsmasq.conf'), 'utf8');
    await using server = await startBootServer(file, lines, join(work.path, 'server'));
    const cards = [{ ...server.card, bootIndex: 99 }];
    await using machine = await startRecovery(source, { disks, cards, inside: server.inside }, signal);
    // The address is another one: it has it from another server.
    await comesBack(source, machine, { facts: ['network'] }, signal);
  },
);
