import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

export function imagesCommand(): Command {
  return new Command('images')
    .description('images of this host that podman keeps, and whether all their layers are there')
    .option('--pull', 'bring layers that are missing back from the registries that their images came from')
    .addHelpText(
      'after',
      `\nNeeds root, and no configuration. Layers are missing after a recovery from a point that only listed them, as
backup.containerImages is "local". Exit status 4 where any still are. Containers that failed to start without them
are started with "podman start NAME", or by their unit.\n${helpFooter(
        ['lifeboat container images', 'lifeboat container images --pull'],
        [0, 1, 2, 4, 130],
      )}`,
    )
    .action(async ({ pull = false }: { pull?: boolean }, command: Command) => {
      const { imagesOfHost, imagesText } = await import('../container-images.ts');
      const { openSession } = await import('../session.ts');
      const { printResult } = await import('../output.ts');
      const globals = command.optsWithGlobals<Globals>();
      await using session = openSession(globals);
      const found = await imagesOfHost(session.host, { pull: pull && !globals.dryRun }, session.signal);
      printResult(globals.json, { format: 'lifeboat.images/1', ...found }, () => imagesText(found));
      if (found.gaps.length > 0 || found.images.some(({ missing }) => missing > 0)) process.exitCode = 4;
    });
}
