/** The end of a drill's channel that is in the rescue system: a pipe to whoever started this, given on to whoever asks at a socket. */
import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

export function channelCommand(): Command {
  return new Command('channel')
    .description(
      'in a drill: give the repository, which comes through standard input and output, to others at a socket',
    )
    .argument('<socket>', 'where, as in --repository channel:SOCKET')
    .addHelpText('after', helpFooter(['lifeboat rescue channel /run/lifeboat/repository.sock'], [0, 1, 130]))
    .action(async (socket: string, _options: object, command: Command) => {
      const { openSession } = await import('../session.ts');
      const { relayChannel } = await import('../rescue-channel.ts');
      await using session = openSession(command.optsWithGlobals<Globals>());
      await relayChannel(socket, session.signal);
    });
}
