import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

interface InitOptions {
  readonly repository?: string;
  readonly engine: string;
  readonly include?: string[];
  readonly exclude?: string[];
  readonly writeOnly: boolean;
  readonly encryption: boolean;
  readonly force: boolean;
}

export function initCommand(): Command {
  return new Command('init')
    .option('--repository <url>', 'where points are kept, as file:///mnt/backup; asked for at a terminal')
    .option('--engine <name>', 'how file data is stored', 'tar')
    .option('--include <path...>', 'what is backed up; by default every local filesystem that is mounted')
    .option('--exclude <pattern...>', 'what is left out')
    .option('--write-only', 'this host keeps nothing that opens its backups: only the recovery code does', false)
    .option('--no-encryption', 'sign records, but encrypt nothing')
    .option('--force', 'replace an existing configuration; the host key that is there is kept', false)
    .addHelpText(
      'after',
      helpFooter(['lifeboat init', 'lifeboat init --repository file:///mnt/backup --include /etc /home'], [0, 1, 2, 5]),
    )
    .action(async (_options: unknown, command: Command) => {
      const { initialise, initText } = await import('../init.ts');
      const { printWithSecrets } = await import('../output.ts');
      // --repository is an option of every command, so that it is found among those.
      const options = command.optsWithGlobals<Globals & InitOptions>();
      const result = await initialise(options, options);
      printWithSecrets(options.json, result, () => initText(result, options));
    });
}
