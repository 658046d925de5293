import { Command } from 'commander';
import type { CheckpointFlags, RestoreFlags } from '../container-checkpoint.ts';
import { type Globals, helpFooter } from '../globals.ts';
import { imagesCommand } from './container-images.ts';

export function containerCommand(): Command {
  return new Command('container')
    .addCommand(listCommand())
    .addCommand(imagesCommand())
    .addCommand(checkpointCommand())
    .addCommand(restoreCommand())
    .addCommand(checkpointsCommand())
    .addCommand(forgetCommand());
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

function checkpointCommand(): Command {
  return new Command('checkpoint')
    .description(
      'a running container into the repository, or a file: its memory, its processes, and what changed in its root',
    )
    .argument('<name>', 'name or id, as "lifeboat container list" has it')
    .option('--output <file>', 'a file in place of the repository; it must not be there yet')
    .option('--leave-running', 'the container runs on, instead of ending with the checkpoint')
    .option('--tcp <what>', 'open TCP connections: keep or close. Without it, they are refused')
    .option(
      '--stop-instead',
      'where it cannot be dumped, it is stopped and copied; it asks first, as what is in its memory is lost',
    )
    .option('--stop', 'the same, also where it could be dumped')
    .option('--pre-dump <n>', 'passes over the memory before it is frozen, where the kernel can')
    .addHelpText(
      'after',
      `\nWhat CRIU cannot dump is found first, and then nothing is frozen (exit status 5). After a failure the container runs as before, or
what is left of it is kept beside the file, which is said with how to make it run again.
It holds all that is in memory, also passwords and keys. In the repository it is encrypted as points are, and the last ones of each container are
kept (checkpoints.keep of the configuration, 3); on its way it lies for a while in the state directory, which needs room for twice the memory. A
file is not encrypted; only root can read it. Both are signed by the key that the configuration names. A file of a container of podman can be given to "podman container restore --import", too.\n${helpFooter(
        [
          'lifeboat container checkpoint web',
          'lifeboat container checkpoint web --output /srv/web.tar',
          'lifeboat container checkpoint web --output /srv/web.tar --leave-running --tcp=keep',
          'lifeboat --dry-run container checkpoint web --output /srv/web.tar',
          'lifeboat container checkpoint web --leave-running --stop-instead',
        ],
        [0, 1, 2, 4, 5, 6, 130],
      )}`,
    )
    .action(async (name: string, flags: CheckpointFlags, command: Command) => {
      const { checkpointContainer } = await import('../container-checkpoint.ts');
      await checkpointContainer(name, flags, command.optsWithGlobals<Globals>());
    });
}

function restoreCommand(): Command {
  return new Command('restore')
    .description('a container out of a checkpoint: it runs on from where it was')
    .argument(
      '<checkpoint>',
      'its id in the repository, the name of its container for the last one, or the path of a file, also one of "podman container checkpoint --export"',
    )
    .option('--name <name>', 'another name than it had')
    .option('--pod <name>', 'another pod than it was in, of podman')
    .option('--tcp <what>', 'TCP connections that were open: keep or close; otherwise as was said at the checkpoint')
    .option('--keep-volumes', 'volumes that are here keep what they hold')
    .option('--unsigned', 'also what nobody signed, or somebody whom nobody here vouches for')
    .addHelpText(
      'after',
      `\nBefore anything is made it is looked whether the file is whole and signed by a known host, CRIU and the processor fit, the image is
here, and name, volumes and ports are free. After a failure nothing of it is here, and the file is as it was.\n${helpFooter(
        [
          'lifeboat container restore web',
          'lifeboat --repository sftp://backup@nas/points --host web1 container restore 20261122T020000Z-1a2b3c',
          'lifeboat container restore /srv/web.tar',
          'lifeboat container restore /srv/web.tar --name web2 --tcp=close',
          'lifeboat container restore podman-export.tar --unsigned',
        ],
        [0, 1, 2, 5, 130],
      )}`,
    )
    .action(async (what: string, flags: RestoreFlags, command: Command) => {
      const { restoreContainer } = await import('../container-checkpoint.ts');
      await restoreContainer(what, flags, command.optsWithGlobals<Globals>());
    });
}

function checkpointsCommand(): Command {
  return new Command('checkpoints')
    .description('the checkpoints of containers of this host in the repository, in the order in which they arrived')
    .addHelpText(
      'after',
      `\nAlso those that are in the state directory of this host and were not stored, or were interrupted, with what makes them run again.\n${helpFooter(['lifeboat container checkpoints'], [0, 1, 2, 4, 130])}`,
    )
    .action(async (_options: unknown, command: Command) => {
      const { listCheckpointsHere } = await import('../container-repository.ts');
      await listCheckpointsHere(command.optsWithGlobals<Globals>());
    });
}

function forgetCommand(): Command {
  return new Command('forget')
    .description('take a checkpoint out of the repository: what it holds cannot be restored any more')
    .argument('<id>', 'the whole of it, as "lifeboat container checkpoints" has it')
    .addHelpText(
      'after',
      helpFooter(['lifeboat container forget 20261122T020000Z-1a2b3c --dry-run'], [0, 1, 2, 5, 6, 130]),
    )
    .action(async (id: string, _options: unknown, command: Command) => {
      const { forgetCheckpointHere } = await import('../container-repository.ts');
      await forgetCheckpointHere(id, command.optsWithGlobals<Globals>());
    });
}
