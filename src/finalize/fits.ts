/** Whether a machine that was started by one firmware can start the system that a plan makes: asked before anything is written. */
import { LifeboatError } from '../kernel/errors.ts';
import type { Layout } from '../layout/types.ts';
import { espTypes } from './esp.ts';
import { hasRoom, startsByBios } from './grub-bios.ts';
import { disksUnder, layersOf } from './layers.ts';

/**
 * @param planned the layout that is made
 * @throws LifeboatError `refused` where no loader for that firmware has a place
 */
export function refuseUnstartable(captured: Layout, planned: Layout, firmware: 'bios' | 'uefi'): void {
  const [was, then] = [layersOf(captured), layersOf(planned)];
  const before = was.of('boot')[0]?.firmware;
  if (before !== 'bios' && before !== 'uefi') return;
  if (firmware === 'uefi') {
    if (then.of('partition').some(({ typeId = '' }) => espTypes.has(typeId.toLowerCase()))) return;
    throw refused('UEFI', 'there will be no EFI system partition', 'BIOS', 'uefi');
  }
  // One that nobody recorded a loader of is started by something else, such as the program that emulates it.
  if (before === 'bios' || was.of('loader').some(({ type }) => startsByBios.has(type))) return;
  const boot = then.at('/boot');
  if (boot !== undefined && disksUnder(then, boot).some((disk) => hasRoom(then, disk))) return;
  throw refused('BIOS', 'no disk with its /boot will have room for a loader', 'UEFI', 'bios');
}

const refused = (by: string, why: string, other: string, rule: string): LifeboatError =>
  new LifeboatError('refused', `this machine was started by ${by}, and the system could not be: ${why}`, {
    hint: `Start the rescue medium by ${other}, as the host was, if the firmware can; or give --rewrite ${rule}.`,
  });
