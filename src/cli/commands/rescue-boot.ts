import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';
import type { BootOptions } from '../rescue-boot.ts';

export const bootDefaults = { memory: '1024', limit: '30m' } as const satisfies BootOptions;

export function bootCommand(): Command {
  return withBootOptions(
    new Command('boot')
      .description('start a medium in a virtual machine, and tell whether it does what it has to')
      .argument('<image>', 'an image, or the directory of a medium for starts over the network'),
  )
    .option('--format <format>', 'what the machine takes it for: iso (a CD), usb, raw (a disk) or pxe')
    .option('--output <dir>', 'where the log of the serial line, the screen and the result go')
    .addHelpText(
      'after',
      `
It needs QEMU. The machine has a blank disk and one network card, and reaches nothing. The medium passes when its menu answers, and the
rescue system has found itself to be in order: its content, programs, modules, captures, ssh, and all disks read-only. The
result goes on record in the repository, where one is configured.\n${helpFooter(
        ['lifeboat rescue boot rescue.iso', 'lifeboat rescue boot rescue.iso --firmware secure --format usb'],
        [0, 1, 2, 4, 130],
      )}`,
    )
    .action(async (image: string, options: BootOptions, boot: Command) => {
      const { printResult } = await import('../output.ts');
      const { openSession } = await import('../session.ts');
      const { bootRescue, bootStatus, bootText } = await import('../rescue-boot.ts');
      const globals = boot.optsWithGlobals<Globals>();
      await using session = openSession(globals);
      const document = await bootRescue(image, options, session);
      printResult(globals.json, document, () => bootText(document));
      process.exitCode = bootStatus(document);
    });
}

/** How the machine is. */
export function withBootOptions(command: Command): Command {
  return command
    .option('--firmware <kind>', 'bios, uefi, or secure: UEFI that starts only what is signed; default: as this host')
    .option('--memory <MiB>', 'of the machine', bootDefaults.memory)
    .option('--accelerator <kind>', 'kvm, or tcg: emulated; default: kvm where it works')
    .option('--limit <duration>', 'how long it may take in all', bootDefaults.limit);
}
