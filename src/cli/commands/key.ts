import { Command } from 'commander';
import { commandLine, type Globals, helpFooter } from '../globals.ts';

interface ShowOptions {
  readonly age: boolean;
  readonly restic: boolean;
  readonly code: boolean;
}

export function keyCommand(): Command {
  return new Command('key').addCommand(showCommand()).addCommand(checkCommand()).addCommand(rotateCommand());
}

function showCommand(): Command {
  return new Command('show')
    .description('the public part of the keys, and on request what is derived from them')
    .option('--age', 'print the age identity, which opens records and archives', false)
    .option('--restic', 'print the restic password', false)
    .option('--code', 'of the recovery code, which is asked for, instead of the host key', false)
    .addHelpText('after', helpFooter(['lifeboat key show', 'lifeboat key show --code --age'], [0, 1, 2]))
    .action(async (options: ShowOptions, command: Command) => {
      const { keyText, showKey } = await import('../keys/show.ts');
      const { printWithSecrets } = await import('../output.ts');
      const globals = command.optsWithGlobals<Globals>();
      const shown = await showKey(options, globals);
      printWithSecrets(globals.json, shown, () => keyText(shown));
    });
}

function checkCommand(): Command {
  return new Command('check')
    .description('prove that the recovery code was noted rightly and opens the repository')
    .addHelpText(
      'after',
      helpFooter(
        ['lifeboat key check', 'lifeboat --repository file:///mnt/backup --host web1 key check'],
        [0, 1, 2, 130],
      ),
    )
    .action(async (_options: unknown, command: Command) => {
      const { checkCode, checkText } = await import('../keys/check.ts');
      const { printResult } = await import('../output.ts');
      const globals = command.optsWithGlobals<Globals>();
      const result = await checkCode(globals);
      printResult(globals.json, result, () => checkText(result));
    });
}

function rotateCommand(): Command {
  return new Command('rotate')
    .description('replace the recovery code, or the key of this host; what was stored before stays readable')
    .option('--host-key', 'a new key for this host; needs the recovery code', false)
    .option('--write-only', 'with --host-key: one that opens nothing, as "init --write-only" makes it', false)
    .addHelpText('after', helpFooter(['lifeboat key rotate', 'lifeboat key rotate --host-key'], [0, 1, 2, 130]))
    .action(async (options: { hostKey: boolean; writeOnly: boolean }, command: Command) => {
      const { rotate } = await import('../keys/rotate.ts');
      const { sheetText } = await import('../recovery-sheet.ts');
      const { printWithSecrets } = await import('../output.ts');
      const globals = command.optsWithGlobals<Globals>();
      const result = await rotate(options, globals);
      const nothingDone = 'All that is needed is there; nothing was replaced (--dry-run).';
      printWithSecrets(globals.json, result, () =>
        result.dryRun
          ? nothingDone
          : result.recovery === undefined
            ? `Wrote a new ${result.writeOnly ? 'write-only ' : ''}key of ${result.host}: ${result.key}. The recovery code is the same.`
            : [
                'The recovery code was replaced. The new one opens what is there and what will be stored;',
                'the old one opens what was stored before now, and nothing after.',
                '',
                sheetText(result.recovery, result, globals),
                '',
                `Next: ${commandLine(globals, 'key check')}`,
              ].join('\n'),
      );
    });
}
