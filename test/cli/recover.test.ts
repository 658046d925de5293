/** A server whose disks are lost, by BIOS and by UEFI: backed up from inside, recovered from the rescue medium in one power-on, and the same. */
import { test } from 'vitest';
import { isRoot } from '../helpers/cli.ts';
import { recoverWhole } from '../lab/whole-recovery.ts';
import { protectedSource } from '../lab/source/protect.ts';

if (!isRoot) console.log(`${import.meta.filename}: left out, as a medium holds what only root can read`);

test.skipIf(!isRoot).each(['bios', 'uefi'] as const)('by %s', { timeout: 3_600_000 }, async (firmware) => {
  const { signal } = new AbortController();
  const source = await protectedSource({ layout: 'plain', firmware }, signal);
  const seconds = await recoverWhole(source, {}, signal);
  console.log(`recovered by ${firmware}: backup in ${source.seconds.toFixed(0)} s, RTO ${seconds.toFixed(0)} s`);
});
