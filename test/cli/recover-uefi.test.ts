/** As recover-bios.test.ts, by UEFI and with nobody there. */
import { test } from 'vitest';
import { isRoot } from '../helpers/cli.ts';
import { protectedSource } from '../lab/source/protect.ts';
import { recoverUnattended } from '../lab/whole-recovery.ts';

if (!isRoot) console.log(`${import.meta.filename}: left out, as a medium holds what only root can read`);
const { signal } = new AbortController();

test.skipIf(!isRoot)('by UEFI, with nobody there', { timeout: 3_600_000 }, async () => {
  const source = await protectedSource({ layout: 'small', firmware: 'uefi' }, signal);
  const { wallSeconds } = await recoverUnattended(source, {}, signal);
  console.log(`by UEFI, with nobody there: RTO ${wallSeconds.toFixed(0)} s`);
});
