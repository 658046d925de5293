import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

interface Options {
  readonly to?: string;
  readonly inPlace: boolean;
  readonly ownerMap: readonly string[];
  readonly reread: boolean;
}

export function restoreCommand(): Command {
  return new Command('restore')
    .argument('<point>', 'id of the point, the beginning of it, or "latest"')
    .argument(
      '[path...]',
      'absolute paths as they were on the host, or patterns (*, **, ?, [a-z]); all when none is given',
    )
    .option(
      '--to <dir>',
      'where to; /etc/fstab becomes DIR/etc/fstab, and of what is there only what differs is replaced',
    )
    .option('--in-place', 'to where it came from, as --to /', false)
    .option(
      '--owner-map <rule>',
      'user:OLD=NEW or group:OLD=NEW, in numbers: another owner for what OLD owned; can be repeated',
      (rule: string, rules: readonly string[]) => [...rules, rule],
      [],
    )
    .option('--reread', 'read every restored file back from the disk too', false)
    .addHelpText(
      'after',
      helpFooter(
        [
          'lifeboat restore latest --to /mnt/restored',
          'lifeboat restore latest /etc/fstab "/etc/ssh/*" --to /tmp/files',
          'lifeboat restore latest /srv/www --in-place --dry-run',
          'lifeboat restore latest /srv/www --in-place --yes=DIGEST',
          'lifeboat restore latest /home/anna --to /mnt/new --owner-map user:1000=2000 --owner-map group:1000=2000',
        ],
        [0, 1, 2, 4, 5, 6, 130],
      ),
    )
    .action(async (point: string, paths: string[], options: Options, command: Command) => {
      const { configured, openSession, runCommand, settingsOf } = await import('../session.ts');
      const { restore } = await import('../../../workflows/restore.ts');
      const { absolutePaths, destinationPath, hostNameOf, ownerMap } = await import('../requests.ts');
      const { describeRestore } = await import('../present.ts');
      const globals = command.optsWithGlobals<Globals>();
      const owners = ownerMap(options.ownerMap);
      const restoreRequest = {
        paths: absolutePaths(paths),
        directory: destinationPath(options),
        reread: options.reread,
        ...(globals.yes === undefined ? {} : { yes: globals.yes }),
        ...(owners === undefined ? {} : { owners }),
      };
      const { config, inputs } = await configured(globals);
      await using session = openSession(globals, settingsOf(config));
      const hostName = await hostNameOf(config, session.host, session.signal);
      if (globals.dryRun) {
        const { printResult } = await import('../output.ts');
        const { openConfigured } = await import('../../steps/repository.ts');
        const { findPoint } = await import('../../point/find.ts');
        const { describePlan, destinationOf, planRestore } = await import('../../steps/restore-plan.ts');
        const destination = await destinationOf(restoreRequest.directory);
        await using repository = await openConfigured(config, session.opening, session.signal);
        const found = await findPoint(repository, hostName, point, session.signal);
        const plan = await planRestore(repository, found.point, restoreRequest, destination, session.signal);
        const { document, text } = describePlan(found.point, destination.directory, plan);
        return printResult(globals.json, document, text);
      }
      await runCommand(session, restore, { ...inputs, hostName, pointName: point, restoreRequest }, describeRestore);
    });
}
