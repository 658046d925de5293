import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

export function selfCheckCommand(): Command {
  return new Command('check')
    .description('in the rescue system: whether it is what it has to be; "rescue boot" asks for this')
    .addHelpText('after', helpFooter(['lifeboat rescue check', 'lifeboat rescue check --json'], [0, 1, 2, 130]))
    .action(async (_options: unknown, command: Command) => {
      const { printResult } = await import('../output.ts');
      const { openSession } = await import('../session.ts');
      const { checkRescue, selfCheckText } = await import('../rescue-check.ts');
      const globals = command.optsWithGlobals<Globals>();
      await using session = openSession(globals);
      const document = await checkRescue(session);
      printResult(globals.json, document, () => selfCheckText(document));
      if (!document.passed) process.exitCode = 1;
    });
}
