import { resolve } from 'node:path';
import { Command } from 'commander';
import { helpFooter } from '../../globals.ts';
import { openPoints, pointHelp } from './open.ts';

export function headerCommand(): Command {
  return new Command('header')
    .description('the LUKS header of a volume as it was when the point was made, with which its data is opened')
    .argument('<point>', pointHelp)
    .argument('<uuid>', 'UUID of the volume; "points show" lists those that the point has')
    .requiredOption('--to <file>', 'a new file that only its owner can read; best in memory, as below /dev/shm')
    .addHelpText(
      'after',
      helpFooter(
        ['lifeboat points header latest 0b0f1a4e-0300-4000-8000-000000000004 --to /dev/shm/header'],
        [0, 1, 2, 130],
      ),
    )
    .action(async (name: string, volume: string, { to }: { to: string }, command: Command) => {
      const { formatDuration } = await import('../../../kernel/units.ts');
      const { headerImage } = await import('../../../point/escrow.ts');
      const { findPoint } = await import('../../../point/find.ts');
      const { openConfigured } = await import('../../../steps/repository.ts');
      const { printResult } = await import('../../output.ts');
      const { writeNewFile } = await import('../../output-file.ts');
      const { globals, config, session, hostName } = await openPoints(command);
      await using _session = session;
      const { signal } = session;
      await using repository = await openConfigured(config, session.opening, signal);
      const { point } = await findPoint(repository, hostName, name, signal);
      const id = volume.replace(/^luks:/, '');
      const { uuid, readAt, version, bytes } = await headerImage(repository, point, id, signal);
      const file = resolve(to);
      if (!globals.dryRun) await writeNewFile(file, bytes);
      const document = { point: point.id, uuid, version, readAt, file, bytes: bytes.length, dryRun: globals.dryRun };
      printResult(globals.json, document, () => {
        const age = formatDuration(Math.max(0, Date.now() - Date.parse(readAt)));
        return [
          `${globals.dryRun ? 'Would write' : 'Wrote'} ${file}: the LUKS${version} header of ${uuid} as it was at ${readAt}, ${age} ago.`,
          'With it come back the passphrases, key files and tokens of then, also those that were revoked since.',
          `To put it on its device, in place of the one that is there: cryptsetup luksHeaderRestore DEVICE --header-backup-file ${file}`,
        ].join('\n');
      });
    });
}
