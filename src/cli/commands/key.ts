import { Command } from 'commander';
import { commandLine, type Globals, helpFooter } from '../globals.ts';

interface ShowOptions {
  readonly age: boolean;
  readonly restic: boolean;
  readonly code: boolean;
}

export function keyCommand(): Command {
  return new Command('key')
    .addCommand(showCommand())
    .addCommand(checkCommand())
    .addCommand(rotateCommand())
    .addCommand(escrowCommand());
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

interface EscrowOptions {
  readonly key?: string;
  readonly header?: string;
  readonly remove: boolean;
}

function escrowCommand(): Command {
  return new Command('escrow')
    .description('keep the key of an encrypted volume with the points to come, so that recovery asks for no passphrase')
    .argument('<uuid>', 'of the LUKS volume, as "lifeboat layout show host" names it')
    .option('--key <file>', 'with a passphrase or key that opens it; otherwise it is asked for')
    .option('--header <file>', 'with its header, where that lies apart')
    .option('--remove', 'keep it no more; points that have it are as they are', false)
    .addHelpText(
      'after',
      `\nWhoever has the recovery code, or the host key unless this host is write-only, can then open the volume.\n${helpFooter(
        ['lifeboat key escrow 1a2b3c4d-…', 'lifeboat key escrow 1a2b3c4d-… --key /etc/keys/data'],
        [0, 1, 2, 5, 130],
      )}`,
    )
    .action(async (uuid: string, options: EscrowOptions, command: Command) => {
      const { escrowText, escrowVolumeKey } = await import('../keys/escrow.ts');
      const { printResult } = await import('../output.ts');
      const globals = command.optsWithGlobals<Globals>();
      const escrowed = await escrowVolumeKey({ uuid, ...options }, globals);
      printResult(globals.json, escrowed, () => escrowText(escrowed));
    });
}
