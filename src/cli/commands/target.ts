import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

export function targetCommand(): Command {
  const command = new Command('target');
  command.addCommand(
    new Command('test')
      .description('try out a storage: what it can do, and whether it keeps what backups rely on')
      .argument('<url>', 'such as sftp://user@host/backup or a directory')
      .addHelpText(
        'after',
        `\nWrites below a name of its own and removes that again (empty folders stay), so a repository that is in use will do. It takes from a second
to some minutes.\n${helpFooter(['lifeboat target test /mnt/backup', 'lifeboat target test sftp://backup@nas/~/lifeboat'], [0, 1, 2, 130])}`,
      )
      .action(async (url: string, _options: unknown, test: Command) => {
        const { testTarget, testText } = await import('../target-test.ts');
        const { openSession } = await import('../session.ts');
        const { printResult } = await import('../output.ts');
        const globals = test.optsWithGlobals<Globals>();
        await using session = openSession(globals);
        const result = await testTarget(url, session);
        printResult(globals.json, { format: 'lifeboat.target-test/1', ...result }, () => testText(result));
        if (result.cases.some(({ outcome }) => outcome === 'failed')) process.exitCode = 1;
      }),
  );
  return command;
}
