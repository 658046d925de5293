/** A small server whose disk is lost: backed up from inside, recovered from the rescue medium in one power-on, and the same. By BIOS, as a person does it. */
import { expect, test } from 'vitest';
import { isRoot } from '../helpers/cli.ts';
import { mediumOf, settledRescue, startRecovery } from '../lab/recovery.ts';
import { protectedSource } from '../lab/source/protect.ts';
import { blankFor, comesBack } from '../lab/whole-recovery.ts';

if (!isRoot) console.log(`${import.meta.filename}: left out, as a medium holds what only root can read`);
const { signal } = new AbortController();
const timeout = 3_600_000;

test.skipIf(!isRoot)('by BIOS, by the menu, as a person does it who has the code on paper', { timeout }, async () => {
  const source = await protectedSource({ layout: 'small', firmware: 'bios' }, signal);
  const { file: medium } = await mediumOf(source, {}, signal);
  await using machine = await startRecovery(source, { disks: blankFor(source), medium }, signal);
  const { serial } = machine.machine;
  await serial.waitFor(/Number, or arrow keys, then Enter:/, timeout, signal);
  // It is there before all disks are.
  await using rescue = await machine.rescue(signal);
  await settledRescue(rescue, signal);
  await serial.type('1\r', signal);
  await serial.waitFor(/Recovery code \(it is not shown\)/, timeout, signal);
  await serial.type(`${source.code}\r`, signal);
  await serial.waitFor(/To be overwritten: 1[^]*NEW-SYSTEM[^]*Type "overwritten" to agree/, timeout, signal);
  await serial.type('overwritten\r', signal);
  await serial.waitFor(/Recovered, and proven equal to its point/, timeout, signal);
  await serial.waitFor(/Start the machine now\?/, timeout, signal);
  expect(serial.text()).not.toContain(source.code);
  await serial.type('y\r', signal);
  const { wallSeconds } = await comesBack(source, machine, undefined, signal);
  console.log(`by BIOS and menu: backup in ${source.backup.wallSeconds.toFixed(0)} s, RTO ${wallSeconds.toFixed(0)} s`);
});
