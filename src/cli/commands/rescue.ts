import { Command, Option } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';
import type { BuildOptions } from '../rescue-build.ts';
import { bootCommand } from './rescue-boot.ts';
import { selfCheckCommand } from './rescue-check.ts';
import { insideCommands } from './rescue-inside.ts';
import { logsCommand } from './rescue-logs.ts';

interface Options extends BuildOptions {
  readonly remove: boolean;
  readonly sizeReport: boolean;
  readonly whenStale: boolean;
}

export function rescueCommand(): Command {
  const command = new Command('rescue');
  command.addCommand(buildCommand());
  command.addCommand(bootCommand());
  command.addCommand(resolveCommand());
  command.addCommand(selfCheckCommand());
  command.addCommand(logsCommand());
  for (const one of insideCommands()) command.addCommand(one);
  return command;
}

const formatHelp = `Formats:
  iso   an image for a CD, a stick or a virtual drive
  usb   a stick, or an image for one, with room for recovery points; what is on a stick is lost only with consent
  raw   an image of a disk, for a virtual machine or to be written to a disk
  pxe   a directory for TFTP and HTTP servers, for machines that start over the network
  grub  an entry in the menu of this host's own GRUB
Each starts by BIOS and by UEFI, also with Secure Boot.
`;

function buildCommand(): Command {
  return new Command('build')
    .description('make a medium that starts this machine when nothing else does')
    .option('--format <format>', 'iso, usb, raw, pxe or grub, as below', 'iso')
    .option('--output <path>', 'file or directory that it is written to')
    .option('--device <id>', 'usb: a stick, by its id, serial number or WWN ("lifeboat layout show host")')
    .option('--room <size>', 'usb: what an image has for recovery points; default 1G')
    .option('--loader <name>', 'usb, raw: extlinux in place of grub, under BIOS')
    .option('--address <url>', 'pxe: where the directory is reached by HTTP; default: TFTP alone')
    .option('--root <dir>', 'grub: the system in whose menu it goes; default: this one')
    .option('--remove', 'grub: take the entry away again', false)
    .option(
      '--kernel <release>',
      "a kernel of this host; debian for Debian's own; the root of another system for its newest; default: the one that runs",
    )
    .option('--all-modules', 'take all modules of the kernel along, for machines that are different', false)
    .addOption(
      new Option('--firmware <which>', 'for cards: what this host has loaded needs, or all that the modules on it do')
        .choices(['needed', 'all'])
        .default('needed'),
    )
    .option(
      '--keep-host-keys',
      "greet with the keys of this host's ssh server: who holds the medium can pass for it",
      false,
    )
    .option('--embed-credentials', 'take along what opens the backups: who holds the medium can read them', false)
    .option('--root-password', 'ask for a password for root: who guesses it is root in the rescue system', false)
    .option('--prove [firmware]', 'try it in a virtual machine before it takes its place, by bios, uefi or secure')
    .option(
      '--when-stale',
      'only where the newest one does not fit this host any more ("lifeboat check" says why)',
      false,
    )
    .option('--size-report', 'tell what takes the room', false)
    .addHelpText(
      'after',
      `\n${formatHelp}\nUnless it is asked for, there is no secret on it that opens anything: who holds it gets a system in which backups are opened with the recovery code.\n${helpFooter(
        [
          'lifeboat rescue build --output rescue.iso --prove',
          'lifeboat rescue build --output rescue.iso --kernel debian --all-modules --firmware all',
          'lifeboat rescue build --format usb --device SERIAL --dry-run',
          'lifeboat rescue build --format pxe --output /srv/tftp --address http://192.0.2.1',
          'lifeboat rescue build --format grub',
        ],
        [0, 1, 2, 4, 5, 130],
      )}`,
    )
    .action(async (options: Options, build: Command) => {
      const { printResult } = await import('../output.ts');
      const { openSession } = await import('../session.ts');
      const { buildRescue, buildStatus, buildWhenStale, mediumText } = await import('../rescue-build.ts');
      const { removeEntry, stickDryRun } = await import('../rescue-destination.ts');
      const globals = build.optsWithGlobals<Globals>();
      await using session = openSession(globals);
      if (options.remove) return await removeEntry(options, session);
      if (globals.dryRun) return await stickDryRun(options, session);
      const built = await (options.whenStale ? buildWhenStale : buildRescue)(options, session);
      if (built === undefined)
        return printResult(globals.json, { made: false }, () => 'The newest medium fits this host.');
      printResult(globals.json, built, () => mediumText(built, options.sizeReport));
      process.exitCode = buildStatus(built);
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
