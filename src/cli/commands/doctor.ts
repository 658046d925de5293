import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

export function doctorCommand(): Command {
  return new Command('doctor')
    .option(
      '--bundle <file>',
      'also write a .tar.gz for a bug report: logs, journals, captures, configuration, no secrets',
    )
    .addHelpText(
      'after',
      helpFooter(
        ['lifeboat doctor', 'lifeboat doctor --json', 'lifeboat doctor --bundle /root/lifeboat-report.tar.gz'],
        [0, 1, 4],
      ),
    )
    .action(async (options: { bundle?: string }, command: Command) => {
      const { examine, doctorText } = await import('../doctor.ts');
      const { openSession } = await import('../session.ts');
      const { printResult } = await import('../output.ts');
      const globals = command.optsWithGlobals<Globals>();
      await using session = openSession(globals);
      const findings = await examine(session);
      if (options.bundle === undefined || globals.dryRun) {
        printResult(globals.json, { checks: findings }, () => doctorText(findings));
      } else {
        const { bundleText, writeBundle } = await import('../doctor-bundle.ts');
        const bundle = await writeBundle(options.bundle, findings, session);
        printResult(
          globals.json,
          { checks: findings, bundle },
          () => `${doctorText(findings)}\n\n${bundleText(bundle)}`,
        );
      }
      if (findings.some(({ state }) => state === 'missing')) process.exitCode = 1;
      else if (findings.some(({ state }) => state === 'limited')) process.exitCode = 4;
    });
}
