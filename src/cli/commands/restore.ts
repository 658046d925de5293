import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

export function restoreCommand(): Command {
  return new Command('restore')
    .argument('<point>', 'id of the point, the beginning of it, or "latest"')
    .argument('[path...]', 'absolute paths as they were on the host; all when none is given')
    .requiredOption('--to <dir>', 'a new or empty directory; /etc/fstab becomes DIR/etc/fstab')
    .addHelpText(
      'after',
      helpFooter(
        ['lifeboat restore latest --to /mnt/restored', 'lifeboat restore latest /etc/fstab /etc/ssh --to /tmp/files'],
        [0, 1, 2, 4, 5, 130],
      ),
    )
    .action(async (point: string, paths: string[], options: { to: string }, command: Command) => {
      const path = await import('node:path');
      const { configured, openSession, runCommand, settingsOf } = await import('../session.ts');
      const { restore } = await import('../../../workflows/restore.ts');
      const { absolutePaths, hostNameOf } = await import('../requests.ts');
      const { describeRestore } = await import('../present.ts');
      const globals = command.optsWithGlobals<Globals>();
      const { config, inputs } = await configured(globals);
      await using session = openSession(globals, settingsOf(config));
      const restoreRequest = { paths: absolutePaths(paths), directory: path.resolve(options.to) };
      const hostName = await hostNameOf(config, session.host, session.signal);
      await runCommand(session, restore, { ...inputs, hostName, pointName: point, restoreRequest }, describeRestore);
    });
}
