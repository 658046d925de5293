/** How virtual machines run on this host: on the processor itself where that works. */
import { access, constants, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../kernel/atomic-write.ts';
import { LifeboatError } from '../kernel/errors.ts';
import type { Accelerator } from '../qemu/spec.ts';

const accelerators = ['kvm', 'tcg'] as const satisfies readonly Accelerator[];

/** Holds since which start of this host it is known that nothing starts by KVM. */
const noteOf = (stateDir: string): string => join(stateDir, 'rescue/kvm-failed');

const bootId = async (): Promise<string> => await readFile('/proc/sys/kernel/random/boot_id', 'utf8');

/** @throws LifeboatError `usage` for what is none */
export async function chosenAccelerator(typed: string | undefined, stateDir: string): Promise<Accelerator> {
  const found = accelerators.find((one) => one === typed);
  if (found !== undefined) return found;
  if (typed !== undefined) {
    throw new LifeboatError('usage', `no accelerator ${typed}`, { hint: `There is: ${accelerators.join(', ')}.` });
  }
  const opens = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  const noted = await readFile(noteOf(stateDir), 'utf8').catch(() => '');
  return opens && noted !== (await bootId()) ? 'kvm' : 'tcg';
}

/** Until this host starts anew. */
export async function noteNoKvm(stateDir: string): Promise<void> {
  await writeFileAtomic(noteOf(stateDir), await bootId());
}
