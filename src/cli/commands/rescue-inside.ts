/** Commands for the rescue system itself; elsewhere they are of no use. */
import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';
import { channelCommand } from './rescue-channel.ts';

export const insideCommands = (): readonly Command[] => [
  networkCommand(),
  mountCommand(),
  umountCommand(),
  logCommand(),
  channelCommand(),
];

function networkCommand(): Command {
  return new Command('network')
    .description(
      'in the rescue system: bring the network up as it was captured, or else by DHCP, and mount the disk of the repository; it does this by itself',
    )
    .option('--network <file>', 'the network as it was captured', '/etc/lifeboat/captured/network.json')
    .addHelpText('after', helpFooter(['lifeboat rescue network'], [0, 1, 130]))
    .action(async ({ network }: { network: string }, command: Command) => {
      const { printResult } = await import('../output.ts');
      const { openSession } = await import('../session.ts');
      const { networkOfRescue } = await import('../rescue-inside.ts');
      const globals = command.optsWithGlobals<Globals>();
      // Half a network could be reached by nobody.
      await using session = openSession(globals, undefined, true);
      const told = await networkOfRescue(network, session);
      printResult(globals.json, { told }, () => told.join('\n'));
    });
}

interface MountOptions {
  readonly to: string;
  readonly root?: string;
  readonly layout?: string;
  readonly key: readonly string[];
}

const place = '/mnt/lifeboat';
const repeated = (value: string, values: readonly string[]): string[] => [...values, value];

function mountCommand(): Command {
  return new Command('mount')
    .description('mount the system that is on the disks, to look at it: nothing is written to them, whatever starts')
    .option('--to <dir>', 'where', place)
    .option('--root <uuid>', 'UUID or label of the filesystem that is its root, where several systems are there')
    .option('--layout <file>', 'the machine as it was captured, by which its root is known')
    .option('--key <uuid=file>', 'file with a passphrase or key of an encrypted volume; can be repeated', repeated, [])
    .addHelpText(
      'after',
      `\nArrays and volume groups are started over the disks in memory, so that what they mend, and what somebody changes, is gone
when "lifeboat rescue umount" lets go of them. "chroot ${place}" gives a shell in the old system.\n${helpFooter(
        ['lifeboat rescue mount', 'lifeboat rescue mount --key 1a2b…=/root/passphrase --root 3c4d…'],
        [0, 1, 2, 4, 130],
      )}`,
    )
    .action(async (options: MountOptions, command: Command) => {
      const { printResult } = await import('../output.ts');
      const { openSession } = await import('../session.ts');
      const { lookAtOldSystem, oldSystemText } = await import('../rescue-inside.ts');
      const globals = command.optsWithGlobals<Globals>();
      await using session = openSession(globals);
      const system = await lookAtOldSystem(options, session);
      printResult(globals.json, system, () => oldSystemText(system));
      if (system.missing.length > 0) process.exitCode = 4;
    });
}

function umountCommand(): Command {
  return new Command('umount')
    .description('let go of the system that "lifeboat rescue mount" shows')
    .option('--from <dir>', 'where it is mounted', place)
    .addHelpText('after', helpFooter(['lifeboat rescue umount'], [0, 1, 130]))
    .action(async ({ from }: { from: string }, command: Command) => {
      const { printResult } = await import('../output.ts');
      const { openSession } = await import('../session.ts');
      const { umountOldSystem } = await import('../../rescue/old-system.ts');
      const globals = command.optsWithGlobals<Globals>();
      await using session = openSession(globals);
      await umountOldSystem(from, session.host, session.signal);
      printResult(globals.json, { from }, () => 'The disks are as they were.');
    });
}

function logCommand(): Command {
  return new Command('log')
    .description('copy what the rescue system has logged: to the restored system, to a stick, or into the repository')
    .option('--to <dir>', 'a directory, in which one of its own is made; without it, the repository')
    .addHelpText(
      'after',
      helpFooter(['lifeboat rescue log --to /mnt/var/log/lifeboat', 'lifeboat rescue log'], [0, 1, 2, 130]),
    )
    .action(async ({ to }: { to?: string }, command: Command) => {
      const { printResult } = await import('../output.ts');
      const { openSession } = await import('../session.ts');
      const { keepLogs } = await import('../rescue-inside.ts');
      const globals = command.optsWithGlobals<Globals>();
      await using session = openSession(globals);
      const place = await keepLogs(to, session);
      printResult(globals.json, { place }, () => place);
    });
}
