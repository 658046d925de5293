import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';
import { imagesCommand } from './container-images.ts';

export function containerCommand(): Command {
  return new Command('container').addCommand(listCommand()).addCommand(imagesCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('all containers of this host, of podman, docker, LXC, crun, runc and of none')
    .addHelpText(
      'after',
      `\nNeeds root to see them all, and no configuration. With --json each is a document lifeboat.container/1, with all that is
known of it; what looks like a secret in its environment and arguments is hidden. Exit status 4 where something could not be seen.\n${helpFooter(
        ['lifeboat container list', 'lifeboat container list --json'],
        [0, 1, 2, 4, 130],
      )}`,
    )
    .action(async (_options: unknown, command: Command) => {
      const { captureContainers } = await import('../../runtime/capture.ts');
      const { withoutSecrets } = await import('../../runtime/hidden.ts');
      const { containersText } = await import('../containers-text.ts');
      const { openSession } = await import('../session.ts');
      const { printResult } = await import('../output.ts');
      const globals = command.optsWithGlobals<Globals>();
      await using session = openSession(globals);
      const { containers, gaps } = await captureContainers(session.host, new Date(), session.signal);
      const document = { format: 'lifeboat.containers/1', containers: containers.map(withoutSecrets), gaps };
      printResult(globals.json, document, () => containersText(containers, gaps, Date.now()));
      if (gaps.length > 0) process.exitCode = 4;
    });
}
