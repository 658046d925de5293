/** Commands for the rescue system itself; elsewhere they are of no use. */
import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

export const insideCommands = (): readonly Command[] => [networkCommand()];

function networkCommand(): Command {
  return new Command('network')
    .description(
      'in the rescue system: bring the network up as it was captured, or else by DHCP; it does this by itself',
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
