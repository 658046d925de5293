import { Command } from 'commander';
import { helpFooter } from '../globals.ts';
import { openPoints } from './points/open.ts';

export function logsCommand(): Command {
  return new Command('logs')
    .description('what rescue systems of this host have put into the repository: which logs there are, or one of them')
    .argument('[id]', 'one of them, or "latest"')
    .addHelpText(
      'after',
      helpFooter(
        ['lifeboat rescue logs', 'lifeboat --repository sftp://backup@nas/points rescue logs latest'],
        [0, 1, 2, 130],
      ),
    )
    .action(async (id: string | undefined, _options: unknown, command: Command) => {
      const { openConfigured } = await import('../../steps/repository.ts');
      const { printResult } = await import('../output.ts');
      const { logDocument, logList, logListText, logText } = await import('../rescue-logs.ts');
      const { globals, config, session, hostName } = await openPoints(command);
      await using _session = session;
      await using repository = await openConfigured(config, session.opening, session.signal);
      if (id === undefined) {
        const logs = await logList(repository, hostName, session.signal);
        printResult(globals.json, { host: hostName, logs }, () => logListText(logs));
        return;
      }
      const log = await logDocument(repository, hostName, id, session.signal);
      printResult(globals.json, log, () => logText(log));
    });
}
