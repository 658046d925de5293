import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

export function statusCommand(): Command {
  return new Command('status')
    .option('--notify', 'also write the metrics and tell whom the configuration names when there is silence', false)
    .addHelpText(
      'after',
      `\nGreen is only what is proven: a point that was read back, younger than the RPO, a recovery code that was checked,
a schedule whose last runs ended well. Anything else is a finding, and the exit status is 4; 1 when the repository cannot
be read.\n${helpFooter(['lifeboat status', 'lifeboat status --json', 'lifeboat status --notify'], [0, 1, 2, 4, 130])}`,
    )
    .action(async (options: { notify: boolean }, command: Command) => {
      const { configured, openSession } = await import('../session.ts');
      const { statusOf, statusText } = await import('../status.ts');
      const { printResult } = await import('../output.ts');
      const globals = command.optsWithGlobals<Globals>();
      const { config } = await configured(globals);
      await using session = openSession(globals);
      const { status, error } = await statusOf(config, session, Date.now());
      printResult(globals.json, status, () => statusText(status));
      if (options.notify) {
        const { heedStatus } = await import('../../schedule/aftermath.ts');
        const { sayLine, watchOf } = await import('../watching.ts');
        await heedStatus(status, watchOf(config, session, sayLine), session.signal);
      }
      if (!status.green) process.exitCode = error === undefined ? 4 : 1;
    });
}
