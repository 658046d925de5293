/** Recovery in parts, as somebody does it who wants to see each; and a disk that is full in the middle of it. */
import { expect, test } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { isRoot } from '../../helpers/cli.ts';
import { inRescue, mediumOf, recoverBy, settledRescue, startRecovery } from '../recovery.ts';
import { protectedSource } from '../source/protect.ts';
import { blankFor, comesBack } from '../whole-recovery.ts';

if (!isRoot) console.log(`${import.meta.filename}: left out, as a medium holds what only root can read`);
const { signal } = new AbortController();

test.skipIf(!isRoot)('disks, mounts, files and the rest, one by one', { timeout: 7_200_000 }, async () => {
  const source = await protectedSource({ layout: 'small', firmware: 'bios' }, signal);
  const { file: medium } = await mediumOf(source, {}, signal);
  await using machine = await startRecovery(source, { disks: blankFor(source), medium }, signal);
  {
    await using host = await machine.rescue(signal);
    await settledRescue(host, signal);
    const part = async (...words: readonly string[]) =>
      await inRescue(host, source, ['--json', '--quiet', '--yes', 'recover', '--after', 'nothing', ...words], signal);

    const layout = await recoverBy(host, source, ['--layout-only'], signal);
    expect(layout.code, layout.stdout + layout.stderr).toBe(0);
    expect(await said(host, 'findmnt -n /mnt/recovered || echo nothing')).toBe('nothing');
    expect(await said(host, 'blkid -t LABEL=root -o value -s TYPE')).toBe('ext4');

    const mounted = await part('--mount-only');
    expect(mounted.code, mounted.stdout + mounted.stderr).toBe(0);
    expect(await said(host, 'ls /mnt/recovered; findmnt -no FSTYPE /mnt/recovered')).toBe('boot\nlost+found\next4');

    // Somebody else has taken nearly all room.
    await said(host, 'fallocate -l $(($(stat -fc "%a * %S" /mnt/recovered) - 100000000)) /mnt/recovered/ballast');
    const full = await part('--from', 'restore');
    expect(full.code, full.stdout).toBe(1);
    expect(full.stdout).toMatch(/no space|no room|is full/i);
    expect(JSON.parse(full.stdout)).toMatchObject({ error: { hint: expect.any(String) } });

    await said(host, 'rm /mnt/recovered/ballast');
    const done = await part('--from', 'restore');
    expect(done.code, done.stdout + done.stderr).toBe(0);
    expect(JSON.parse(done.stdout)).toMatchObject({ point: source.point, result: 'passed' });
    await host.run(['reboot'], { okCodes: [0, 1] }, signal).catch(() => undefined);
  }
  await comesBack(source, machine, undefined, signal);
});

const said = async (host: Host, script: string): Promise<string> =>
  (await host.run(['sh', '-ec', script], { timeoutMs: 600_000 }, signal)).stdout.toString().trim();
