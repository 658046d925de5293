import { Command, Option } from 'commander';
import type { Config } from '../../config/schema.ts';
import { type Globals, helpFooter } from '../globals.ts';

export function backupCommand(): Command {
  return new Command('backup')
    .option('--full', 'store everything, whatever earlier points hold')
    .addOption(new Option('--compare <how>', 'how a change is known').choices(['metadata', 'hash']))
    .addHelpText(
      'after',
      helpFooter(
        [
          'lifeboat backup',
          'lifeboat backup --full',
          'lifeboat backup --compare hash',
          'lifeboat backup --dry-run',
          'lifeboat backup --json --quiet',
        ],
        [0, 1, 2, 4, 6, 130],
      ),
    )
    .action(async (options: BackupOptions, command: Command) => {
      const { configured, needsConfiguration, openSession, runCommand, settingsOf } = await import('../session.ts');
      const { backup } = await import('../../../workflows/backup.ts');
      const { checkStepNames } = await import('../workflows.ts');
      const { describeOutcome } = await import('../present.ts');
      const globals = command.optsWithGlobals<Globals>();
      needsConfiguration(globals, 'a backup');
      const { config: written, inputs } = await configured(globals);
      const config = withOptions(written, options);
      const settings = settingsOf(config);
      await checkStepNames(globals, settings);
      await using session = openSession(globals, settings);
      await runCommand(session, backup, { ...inputs, config }, describeOutcome);
    });
}

interface BackupOptions {
  readonly full?: boolean;
  readonly compare?: Config['backup']['compare'];
}

/** The configuration for this once. */
function withOptions(config: Config, { full = false, compare = config.backup.compare }: BackupOptions): Config {
  return { ...config, backup: { ...config.backup, compare, incremental: config.backup.incremental && !full } };
}
