/** All commands. What is not called is not loaded, so that a person does not wait for `--help`. */
import { Command, CommanderError } from 'commander';
import { addGlobalOptions, helpFooter } from './globals.ts';
import { version } from './version.ts';

interface Entry {
  readonly name: string;
  readonly description: string;
  readonly load: () => Promise<Command>;
}

/** The one list of commands; a new one is a file in `commands/` and an entry here. */
const entries: readonly Entry[] = [
  {
    name: 'init',
    description: 'write a commented configuration, make the repository that it names, and the keys',
    load: async () => (await import('./commands/init.ts')).initCommand(),
  },
  {
    name: 'key',
    description: 'the keys: show them, prove the recovery code, replace it',
    load: async () => (await import('./commands/key.ts')).keyCommand(),
  },
  {
    name: 'doctor',
    description: 'what works on this host, what is missing for which job, and how to get it',
    load: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  },
  {
    name: 'backup',
    description: 'make a recovery point: capture the host, store its files, read them back',
    load: async () => (await import('./commands/backup.ts')).backupCommand(),
  },
  {
    name: 'points',
    description: 'look after recovery points',
    load: async () => (await import('./commands/points.ts')).pointsCommand(),
  },
  {
    name: 'restore',
    description: 'bring files out of a recovery point into an empty directory, and compare them with the point',
    load: async () => (await import('./commands/restore.ts')).restoreCommand(),
  },
  {
    name: 'recover',
    description: 'in the rescue system: bring the whole machine back on the disks that are here, and prove it',
    load: async () => (await import('./commands/recover.ts')).recoverCommand(),
  },
  {
    name: 'layout',
    description: 'disks, partitions, filesystems, mounts and boot: capture, show, compare',
    load: async () => (await import('./commands/documents.ts')).layoutCommand(),
  },
  {
    name: 'network',
    description: 'links, addresses, routes and name servers: capture, show, compare',
    load: async () => (await import('./commands/documents.ts')).networkCommand(),
  },
  {
    name: 'facts',
    description: 'system, processors, services and packages: capture, show, compare',
    load: async () => (await import('./commands/documents.ts')).factsCommand(),
  },
  {
    name: 'container',
    description: 'containers of all runtimes in one list: what runs, since when, within which limits, with which data',
    load: async () => (await import('./commands/container.ts')).containerCommand(),
  },
  {
    name: 'check',
    description: 'has this host changed since its newest point, and what would that mean for a recovery',
    load: async () => (await import('./commands/check.ts')).checkCommand(),
  },
  {
    name: 'rescue',
    description: 'a medium that starts this machine when nothing else does',
    load: async () => (await import('./commands/rescue.ts')).rescueCommand(),
  },
  {
    name: 'drill',
    description:
      'recover the newest point in a virtual machine that reaches nothing, look at it, and put on record how long it took',
    load: async () => (await import('./commands/drill.ts')).drillCommand(),
  },
  {
    name: 'status',
    description: 'what is protected, and how old the newest verified point is against its target',
    load: async () => (await import('./commands/status.ts')).statusCommand(),
  },
  {
    name: 'schedule',
    description: 'jobs that run by themselves: when they run next, running them, installing the service',
    load: async () => (await import('./commands/schedule.ts')).scheduleCommand(),
  },
  {
    name: 'target',
    description: 'storage for a repository: try out what yours can do',
    load: async () => (await import('./commands/target.ts')).targetCommand(),
  },
  {
    name: 'workflow',
    description: 'the workflows themselves, built-in and your own',
    load: async () => (await import('./commands/workflow.ts')).workflowCommand(),
  },
  {
    name: 'runs',
    description: 'what was run, and going on with what was interrupted',
    load: async () => (await import('./commands/runs.ts')).runsCommand(),
  },
];

/** @param args what was typed: a command that is not named in it is known by name and description only */
export async function buildProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('lifeboat')
    .description('Disaster recovery and migration for Linux hosts: capture, back up, restore, prove.')
    .option('-V, --version', 'print the version')
    .showSuggestionAfterError(true)
    .addHelpText(
      'after',
      helpFooter(
        [
          'lifeboat init --repository file:///mnt/backup',
          'lifeboat backup',
          'lifeboat restore latest /etc --to /tmp/etc',
        ],
        [0, 1, 2, 3, 4, 5, 6, 130],
      ),
    );
  addGlobalOptions(program);
  program.on('option:version', () => {
    process.stdout.write(`${version()}\n`);
    throw new CommanderError(0, 'commander.version', '');
  });
  for (const { name, description, load } of entries) {
    const command = args.includes(name) ? await load() : new Command(name);
    program.addCommand(command.description(description));
  }
  return quietErrors(program);
}

/** Errors are thrown to `main`, which prints them in the one form that all errors have. Help is `--help`, everywhere. */
function quietErrors(command: Command): Command {
  command
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  for (const sub of command.commands) quietErrors(sub);
  return command;
}
