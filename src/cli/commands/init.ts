import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

interface InitOptions {
  readonly repository?: string;
  readonly engine: string;
  readonly include?: string[];
  readonly exclude?: string[];
  readonly force: boolean;
}

export function initCommand(): Command {
  return new Command('init')
    .option('--repository <url>', 'where points are kept, as file:///mnt/backup; asked for at a terminal')
    .option('--engine <name>', 'how file data is stored', 'tar')
    .option('--include <path...>', 'what is backed up; by default every local filesystem that is mounted')
    .option('--exclude <pattern...>', 'what is left out')
    .option('--force', 'replace an existing configuration', false)
    .addHelpText(
      'after',
      helpFooter(['lifeboat init', 'lifeboat init --repository file:///mnt/backup --include /etc /home'], [0, 1, 2, 5]),
    )
    .action(async (options: InitOptions, command: Command) => {
      const { initialise, initText } = await import('../init.ts');
      const { printResult } = await import('../output.ts');
      const globals = command.optsWithGlobals<Globals>();
      const result = await initialise(options, globals);
      printResult(globals.json, result, () => initText(result, globals));
    });
}
