/** The recorded machines of `test/fixtures/boot`, each started as its name says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Recording, recordingSchema } from '../../src/host/recorded.ts';

export const bootMachines = ['debian11-systemd-boot', 'debian12-bios', 'debian13-secure-boot'] as const;
export type BootMachine = (typeof bootMachines)[number];

export function bootMachine(name: BootMachine): Recording {
  const file = join(import.meta.dirname, '../fixtures/boot', `${name}.json`);
  return recordingSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}
