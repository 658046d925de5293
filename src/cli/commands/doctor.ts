import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

export function doctorCommand(): Command {
  return new Command('doctor')
    .addHelpText('after', helpFooter(['lifeboat doctor', 'lifeboat doctor --json'], [0, 1, 4]))
    .action(async (_options: unknown, command: Command) => {
      const { examine, doctorText } = await import('../doctor.ts');
      const { openSession } = await import('../session.ts');
      const { printResult } = await import('../output.ts');
      const globals = command.optsWithGlobals<Globals>();
      await using session = openSession(globals);
      const findings = await examine(session);
      printResult(globals.json, { checks: findings }, () => doctorText(findings));
      if (findings.some(({ state }) => state === 'missing')) process.exitCode = 1;
      else if (findings.some(({ state }) => state === 'limited')) process.exitCode = 4;
    });
}
