import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';
import { bootCommand } from './rescue-boot.ts';
import { selfCheckCommand } from './rescue-check.ts';
import { insideCommands } from './rescue-inside.ts';

interface BuildOptions {
  readonly format: string;
  readonly output: string;
  readonly kernel?: string;
  readonly allModules: boolean;
  readonly sizeReport: boolean;
}

export function rescueCommand(): Command {
  const command = new Command('rescue');
  command.addCommand(buildCommand());
  command.addCommand(bootCommand());
  command.addCommand(resolveCommand());
  command.addCommand(selfCheckCommand());
  for (const one of insideCommands()) command.addCommand(one);
  return command;
}

function buildCommand(): Command {
  return new Command('build')
    .description('make a medium that starts this machine when nothing else does')
    .option('--format <format>', 'iso: an image for a CD, a stick or a virtual drive, by BIOS and UEFI', 'iso')
    .requiredOption('--output <file>', 'where it is written')
    .option('--kernel <release>', "a kernel of this host, or debian for Debian's own; default: the one that runs")
    .option('--all-modules', 'take all modules of the kernel along, for machines that are different', false)
    .option('--size-report', 'tell what takes the room', false)
    .addHelpText(
      'after',
      `\nThere is no secret on it that opens anything: who holds it gets a system in which backups are opened with the recovery code.\n${helpFooter(
        [
          'lifeboat rescue build --output rescue.iso',
          'lifeboat rescue build --output rescue.iso --kernel debian --all-modules',
        ],
        [0, 1, 2, 130],
      )}`,
    )
    .action(async (options: BuildOptions, build: Command) => {
      const { printResult } = await import('../output.ts');
      const { openSession } = await import('../session.ts');
      const { buildRescue, mediumText } = await import('../rescue-build.ts');
      const globals = build.optsWithGlobals<Globals>();
      await using session = openSession(globals);
      const built = await buildRescue(options, session);
      printResult(globals.json, built, () => mediumText(options.output, built, options.sizeReport));
    });
}

function resolveCommand(): Command {
  return new Command('resolve')
    .description('look up the newest versions of the packages that media are made of, for those to come')
    .addHelpText('after', helpFooter(['lifeboat rescue resolve'], [0, 1, 130]))
    .action(async (_options: unknown, resolve: Command) => {
      const { printResult } = await import('../output.ts');
      const { openSession } = await import('../session.ts');
      const { resolveRescue } = await import('../rescue-build.ts');
      const globals = resolve.optsWithGlobals<Globals>();
      await using session = openSession(globals);
      const resolved = await resolveRescue(session);
      printResult(globals.json, resolved, () => `${resolved.file}  ${resolved.packages} packages`);
    });
}
