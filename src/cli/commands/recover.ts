import { Command, Option } from 'commander';
import { starts } from '../../recover/request.ts';
import { type Globals, helpFooter } from '../globals.ts';
import type { RecoverOptions } from '../recover-run.ts';

const repeated = (value: string, values: readonly string[]): string[] => [...values, value];

export function recoverCommand(): Command {
  return new Command('recover')
    .description('bring the whole machine back on the disks that are here: disks, files, what starts it; and prove it')
    .option('--point <point>', 'id of the point, the beginning of it, or "latest"')
    .option(
      '--map <old=new>',
      'this disk takes the place of that one, as in "layout plan"; can be repeated',
      repeated,
      [],
    )
    .option('--only <disk>', 'take only this disk, whatever is on it; can be repeated', repeated, [])
    .option('--exclude <what>', 'leave this out, with all that stands on it; can be repeated', repeated, [])
    .option(
      '--rewrite <rule[=what]>',
      'make this otherwise than it was, as in "layout plan"; can be repeated',
      repeated,
      [],
    )
    .option('--grow', 'filesystems take what is left over on larger disks', false)
    .option('--clone', 'another machine: it gets an identity and host keys of its own', false)
    .option('--layout-only', 'build the disks, and no more', false)
    .option('--mount-only', 'mount the recovered system, and no more', false)
    .option('--files-only', 'mount it, and bring back the files that differ', false)
    .option('--from <part>', `go on from one of: ${starts.join(', ')}`)
    .option('--new', 'begin anew, and do not go on with an attempt that was cut off', false)
    .option('--root <dir>', 'where the new system is mounted', '/mnt/recovered')
    .option('--prove-budget <time>', 'how long proving may take, such as 10m: what is not read then is said')
    .option('--unattended', 'ask nobody: what is not within the consent policy of the medium is refused', false)
    .addOption(
      new Option(
        '--after <what>',
        'when all is proven; asked by default, and unattended as the configuration says',
      ).choices(['reboot', 'poweroff', 'nothing']),
    )
    .option('--runbook', 'print what a person does to recover this machine, on one page', false)
    .addHelpText(
      'after',
      `\nNothing is written to a disk before somebody agreed to the plan. Who is interrupted gives the same command again: it\ngoes on, and says with what, as long as the disks are as the attempt left them.\n${helpFooter(
        [
          'lifeboat recover',
          'lifeboat recover --dry-run',
          'lifeboat --repository sftp://backup@nas/points recover --point 20261120T --map S1ABC=S9XYZ',
          'lifeboat --repository sftp://backup@nas/points --repository file:///media/stick/points recover',
          'lifeboat recover --from finalize',
          'lifeboat recover --runbook',
        ],
        [0, 1, 2, 4, 5, 6, 130],
      )}`,
    )
    .action(async (options: RecoverOptions, command: Command) => {
      const { recoverHere } = await import('../recover-run.ts');
      await recoverHere(options, command.optsWithGlobals<Globals>());
    });
}
