/**
 * A server that is lost and comes back with nobody there, beside rear 2.9 of Debian sid, which was measured in a machine of this kind with as much
 * on the same kind of storage: RAID 1, LVM, LUKS, xfs and btrfs, 803 MiB of files.
 */
import { mediumOf, startRecovery } from '../lab/recovery.ts';
import { protectedSource } from '../lab/source/protect.ts';
import { blankFor, comesBack } from '../lab/whole-recovery.ts';

/** Of rear, in seconds: its backup, and from switching on to the login, as run and without what it waited for a person; and of processor. */
const peer = { backup: 376, asRun: 374, corrected: 282, cpu: 328, interventions: 2 };

export async function recovery(): Promise<void> {
  const { signal } = new AbortController();
  const source = await protectedSource({ layout: 'stacked', firmware: 'bios' }, signal);
  const ratio = (own: number, others: number): string => (own / others).toFixed(2);
  console.log(
    `recover: backed up and read back in ${source.seconds.toFixed(0)} s; rear ${peer.backup} s (ratio ${ratio(source.seconds, peer.backup)}, aimed at 0.5)`,
  );
  const settings = { recover: { consent: 'blank-disks', after: 'reboot' } };
  const { file: medium } = await mediumOf(
    source,
    { words: ['lifeboat.recover'], settings, embedCredentials: true },
    signal,
  );
  await using machine = await startRecovery(source, { disks: blankFor(source), medium }, signal);
  await using host = await machine.recovered(signal);
  const seconds = (performance.now() - machine.since) / 1_000;
  const { cpuSeconds } = machine.machine.usage();
  await host[Symbol.asyncDispose]();
  console.log(
    `recover: from switching on to the recovered system ${seconds.toFixed(0)} s (${cpuSeconds.toFixed(0)} s of processor), with nobody there; rear ${peer.corrected} s (${peer.cpu} s), as run ${peer.asRun} s with ${peer.interventions} answers of a person (ratio ${ratio(seconds, peer.corrected)}, aimed at 0.4)`,
  );
  // Fails where anything is otherwise.
  await comesBack(source, machine, undefined, signal);
  console.log('recover: nothing is lost, by every file and what the system says; rear lost four kinds of things');
}
