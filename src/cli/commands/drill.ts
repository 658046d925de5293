import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';
import type { DrillOptions } from '../drill.ts';

export function drillCommand(): Command {
  return new Command('drill')
    .option('--point <point>', 'id of the point, the beginning of it, or "latest"', 'latest')
    .option(
      '--files',
      'restore the files into a directory and prove them, without a machine: for hosts too large to boot',
      false,
    )
    .option('--memory <size>', 'of the machine; default: as recorded, as far as this host can spare it')
    .option(
      '--medium <iso>',
      'a rescue medium of this host; default: one made for drills, and kept until it does not fit any more',
    )
    .option('--accelerator <kind>', 'kvm, or tcg: emulated; default: kvm where it works')
    .option(
      '--keep <dir>',
      'keep the images of the disks, or the restored files, in this directory: in "images" of it, for root alone, or in "restored"',
    )
    .option('--output <file>', 'where the report goes, as a page of HTML, besides the state directory')
    .addHelpText(
      'after',
      `
The machine is like the recorded one: number, sizes, sectors and buses of its disks, firmware, network cards. Nothing gets out of it; its
rescue system reads the repository through this command, which keeps to itself what it writes there, and is cut off before the result boots.
What is looked at then: its login, systemd, services and ports as recorded, a file that the backup wrote, and the checks of the configuration
(drill.checks). Result, RTO and RPO go on record with the point.\n${helpFooter(
        [
          'lifeboat drill',
          'lifeboat drill --point latest --memory 4G --output /srv/www/drill.html',
          'lifeboat drill --files',
        ],
        [0, 1, 2, 4, 130],
      )}`,
    )
    .action(async (options: DrillOptions, command: Command) => {
      const { printResult } = await import('../output.ts');
      const { openSession } = await import('../session.ts');
      const { drillHost, drillStatus, plannedDrill } = await import('../drill.ts');
      const { drillText, plannedText } = await import('../drill-text.ts');
      const globals = command.optsWithGlobals<Globals>();
      await using session = openSession(globals);
      if (globals.dryRun) {
        const planned = await plannedDrill(options, session);
        return printResult(globals.json, planned, () => plannedText(planned));
      }
      const document = await drillHost(options, session);
      printResult(globals.json, document, () => drillText(document));
      process.exitCode = drillStatus(document);
    });
}
