/** The power fails while a machine is recovered; it is started again from the medium, and the same command recovers it. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { sleep } from '../../../src/kernel/wait.ts';
import { isRoot } from '../../helpers/cli.ts';
import { ofToday } from '../../helpers/suite.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { inRescue, mediumOf, recoverBy, settledRescue, startRecovery } from '../recovery.ts';
import { protectedSource } from '../source/protect.ts';
import { blankFor, comesBack } from '../whole-recovery.ts';

if (!isRoot) console.log(`${import.meta.filename}: left out, as a medium holds what only root can read`);
const { signal } = new AbortController();
/** Longer than anything takes on a machine that is busy with ten other things. */
const limitMs = 3_600_000;

/** A step of the workflow, and how long it has been at it then. */
const moments = [
  ['recreate.disks', 'bios', 1_500],
  ['restore.files', 'bios', 8_000],
  ['finalize.system', 'bios', 500],
  ['prove.same', 'uefi', 2_000],
] as const;

test.skipIf(!isRoot).each(ofToday(moments, new Date()))(
  'in %s, %s',
  { timeout: 7_200_000 },
  async (step, firmware, afterMs) => {
    const source = await protectedSource({ layout: 'small', firmware }, signal);
    const { file: medium } = await mediumOf(source, {}, signal);
    await using work = await temporaryDirectory();
    const disks = blankFor(source);
    const first = await startRecovery(source, { disks, directory: work.path, medium }, signal);
    {
      await using machine = first;
      await using host = await machine.rescue(signal);
      await settledRescue(host, signal);
      const dry = await inRescue(host, source, ['--json', 'recover', '--dry-run'], signal);
      const { digest } = z.object({ digest: z.string() }).parse(JSON.parse(dry.stdout));
      const begin = `setsid lifeboat --yes=${digest} recover --after nothing < /dev/null > /tmp/recover.log 2>&1 &`;
      await host.run(['sh', '-c', begin], { env: { LIFEBOAT_RECOVERY_CODE: source.code } }, signal);
      const reached = `until grep -qs '"type":"begin","step":"${step}"' /var/lib/lifeboat/runs/*/journal*; do sleep 0.1; done`;
      await host.run(['sh', '-c', reached], { timeoutMs: limitMs }, signal);
      await sleep(afterMs, signal);
    }
    {
      await using machine = await startRecovery(source, { disks: [], again: first.disks, medium }, signal);
      await using host = await machine.rescue(signal);
      await settledRescue(host, signal);
      const isFilled = step === 'finalize.system' || step === 'prove.same';
      if (isFilled) {
        // Somebody looks at it first; the disk with the repository is in use meanwhile.
        for (const verb of ['mount', 'umount']) {
          const looked = await inRescue(host, source, ['--json', 'rescue', verb], signal);
          expect(looked).toMatchObject({ code: 0 });
        }
      }
      const { code, stdout, stderr, document } = await recoverBy(host, source, [], signal);
      expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
      expect(document).toMatchObject({ point: source.point, result: 'passed' });
      // Of a machine whose files were all back only what is left is done.
      expect(document?.phases.some(({ name }) => name === 'restore')).toBe(!isFilled);
      await host.run(['poweroff'], { okCodes: [0, 1] }, signal).catch(() => undefined);
      await machine.machine.ended(limitMs, signal);
    }
    await using machine = await startRecovery(source, { disks: [], again: first.disks }, signal);
    await comesBack(source, machine, undefined, signal);
  },
);
