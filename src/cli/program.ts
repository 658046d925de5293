/** All commands. What a command does is loaded when it runs, so that `--help` is quick. */
import { Command } from 'commander';
import { backupCommand } from './commands/backup.ts';
import { doctorCommand } from './commands/doctor.ts';
import { initCommand } from './commands/init.ts';
import { pointsCommand } from './commands/points.ts';
import { restoreCommand } from './commands/restore.ts';
import { runsCommand } from './commands/runs.ts';
import { factsCommand, layoutCommand, networkCommand } from './commands/show.ts';
import { workflowCommand } from './commands/workflow.ts';
import { addGlobalOptions, helpFooter } from './globals.ts';

export function buildProgram(): Command {
  const program = new Command('lifeboat')
    .description('Disaster recovery and migration for Linux hosts: capture, back up, restore, prove.')
    .version('', '-V, --version', 'print the version')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .addHelpText(
      'after',
      helpFooter(
        [
          'lifeboat init --repository file:///mnt/backup',
          'lifeboat backup',
          'lifeboat restore latest /etc --to /tmp/etc',
        ],
        [0, 1, 2, 3, 4, 5, 6, 130],
      ),
    );
  addGlobalOptions(program);
  program.on('option:version', async () => {
    const { version } = await import('./version.ts');
    process.stdout.write(`${version()}\n`);
  });
  const commands = [
    initCommand(),
    doctorCommand(),
    backupCommand(),
    pointsCommand(),
    restoreCommand(),
    layoutCommand(),
    networkCommand(),
    factsCommand(),
    workflowCommand(),
    runsCommand(),
  ];
  for (const command of commands) program.addCommand(command);
  return quietErrors(program);
}

/** Errors are thrown to `main`, which prints them in the one form that all errors have. */
function quietErrors(command: Command): Command {
  command.exitOverride().configureOutput({ outputError: () => {} });
  for (const sub of command.commands) quietErrors(sub);
  return command;
}
