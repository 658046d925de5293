/** Recovery as it goes without commands: by the menu on the serial console, and with nobody there at all. */
import { expect, test } from 'vitest';
import { isRoot } from '../../helpers/cli.ts';
import { ofToday } from '../../helpers/suite.ts';
import { mediumOf, startRecovery } from '../recovery.ts';
import { protectedSource } from '../source/protect.ts';
import { blankFor, comesBack } from '../whole-recovery.ts';

if (!isRoot) console.log(`${import.meta.filename}: left out, as a medium holds what only root can read`);
const { signal } = new AbortController();
/** Longer than anything takes on a machine that is busy with ten other things. */
const limitMs = 3_600_000;
const kind = { layout: 'plain', firmware: 'bios' } as const;

const scenes: Readonly<Record<string, () => Promise<void>>> = {
  'by the menu, as a person does it who has the code on paper': async () => {
    const source = await protectedSource(kind, signal);
    const { file: medium } = await mediumOf(source, {}, signal);
    await using machine = await startRecovery(source, { disks: blankFor(source), medium }, signal);
    const { serial } = machine.machine;
    await serial.waitFor(/Number, or arrow keys, then Enter:/, limitMs, signal);
    await (await machine.rescue(signal))[Symbol.asyncDispose]();
    await serial.type('1\r', signal);
    await serial.waitFor(/Recovery code \(it is not shown\)/, limitMs, signal);
    await serial.type(`${source.code}\r`, signal);
    // What is blank loses nothing, and nobody has to agree to it.
    await serial.waitFor(/Recovered, and proven equal to its point/, limitMs, signal);
    await serial.waitFor(/Start the machine now\?/, limitMs, signal);
    expect(serial.text()).not.toContain(source.code);
    await serial.type('y\r', signal);
    await comesBack(source, machine, undefined, signal);
  },
  'unattended: switched on, and back': async () => {
    const source = await protectedSource(kind, signal);
    const settings = { recover: { consent: 'blank-disks', after: 'reboot' } };
    const words = ['lifeboat.recover'];
    const { file: medium } = await mediumOf(source, { words, settings, embedCredentials: true }, signal);
    await using machine = await startRecovery(source, { disks: blankFor(source), medium }, signal);
    const seconds = await comesBack(source, machine, undefined, signal);
    console.log(`unattended: RTO ${seconds.toFixed(0)} s`);
  },
};

test.skipIf(!isRoot).each(ofToday(Object.entries(scenes), new Date()))(
  '%s',
  { timeout: 7_200_000 },
  async (_, scene) => {
    await scene();
  },
);
