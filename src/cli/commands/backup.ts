import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

export function backupCommand(): Command {
  return new Command('backup')
    .addHelpText(
      'after',
      helpFooter(
        ['lifeboat backup', 'lifeboat backup --dry-run', 'lifeboat backup --json --quiet'],
        [0, 1, 2, 4, 6, 130],
      ),
    )
    .action(async (_options: unknown, command: Command) => {
      const { configured, openSession, runCommand, settingsOf } = await import('../session.ts');
      const { backup } = await import('../../../workflows/backup.ts');
      const { checkStepNames } = await import('../workflows.ts');
      const { describeOutcome } = await import('../present.ts');
      const globals = command.optsWithGlobals<Globals>();
      const { config, inputs } = await configured(globals);
      const settings = settingsOf(config);
      await checkStepNames(globals, settings);
      await using session = openSession(globals, settings);
      await runCommand(session, backup, inputs, describeOutcome);
    });
}
