/**
 * A server that is lost and comes back, beside rear of Debian sid, one after the other on the same source and in the same kind of machine: RAID 1,
 * LVM, LUKS, xfs and btrfs, a database and a web server, backed up to a disk of its own. lifeboat recovers with nobody there; rear, set up to be
 * unattended, asks nevertheless, and is answered at once.
 */
import type { Usage } from '../../src/machine/meter.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { newlyProtected } from '../lab/source/protect.ts';
import type { Difference } from '../lab/source/witness.ts';
import { recoverUnattended } from '../lab/whole-recovery.ts';
import { rearRun } from './recover-rear.ts';

export async function recovery(): Promise<void> {
  const { signal } = new AbortController();
  await using work = await temporaryDirectory();
  const source = await newlyProtected({ layout: 'stacked', firmware: 'bios' }, work.path, signal);
  // Fails where anything is otherwise.
  const own = await recoverUnattended(source, {}, signal);
  console.log(
    `recover: lifeboat: ${text(own)} from switching on to the recovered system: nobody was asked, and nothing is lost, by every file and what the system says; backup ${text(source.backup)}`,
  );
  const peer = await rearRun(source, signal);
  console.log(`recover: ${peer.version}: ${peer.answers} answers of a person; not as it was:`);
  for (const line of summary(peer.lost)) console.log(`  ${line}`);
  compared('backup', source.backup, peer.backup, 0.5);
  compared('from switching on to the recovered system', own, peer.recovery, 0.4);
}

const text = ({ wallSeconds, cpuSeconds }: Usage): string =>
  `${wallSeconds.toFixed(0)} s (${cpuSeconds.toFixed(0)} s of processor)`;

function compared(what: string, own: Usage, peer: Usage, aim: number): void {
  const ratio = (of: (usage: Usage) => number): string => (of(own) / of(peer)).toFixed(2);
  console.log(
    `recover: ${what}: lifeboat ${text(own)}, rear ${text(peer)}: ratio ${ratio((usage) => usage.wallSeconds)} (aimed at ${aim}), of processor ${ratio((usage) => usage.cpuSeconds)}`,
  );
}

/** The first of each kind, with how many there are. */
function summary(lost: readonly Difference[]): readonly string[] {
  const kinds = Map.groupBy(lost, ({ what, after }) => {
    const [kind = '', path = ''] = what.split(' ', 2);
    if (kind === 'facts') return what;
    return `${after === undefined ? 'gone' : 'other'}: ${path.split('/').slice(0, 3).join('/')}`;
  });
  return [...kinds].map(([kind, all]) => `${kind}: ${all.length}, such as ${JSON.stringify(all[0]).slice(0, 300)}`);
}
