import { Command } from 'commander';
import type { OpenRepository } from '../../../steps/repository.ts';
import { helpFooter } from '../../globals.ts';
import { dryRun } from './dry-run.ts';
import { consent, openPoints } from './open.ts';

export function pruneCommand(): Command {
  return new Command('prune')
    .description('remove what no point on record refers to: left by runs that were killed')
    .option('--grace <duration>', 'what is younger stays, by the clock of the storage', '24h')
    .addHelpText(
      'after',
      `\nData whose record seems to be lost stays, and is named: lifeboat points repair makes the record anew. Retention rules in
the configuration are consent to what is not whole; all else, and everything without such rules, needs yours.\n${helpFooter(
        ['lifeboat points prune --dry-run', 'lifeboat points prune', 'lifeboat points prune --yes=DIGEST'],
        [0, 1, 2, 4, 5, 6, 130],
      )}`,
    )
    .action(async ({ grace }: { grace: string }, command: Command) => {
      const { parseDuration } = await import('../../../kernel/units.ts');
      const { runCommand } = await import('../../session.ts');
      const { describePruned } = await import('../../present.ts');
      const { prune } = await import('../../../../workflows/prune.ts');
      parseDuration(grace);
      const opened = await openPoints(command);
      await using _session = opened.session;
      const { globals, inputs, session } = opened;
      const pruneRequest = { grace, ...consent(globals) };
      if (globals.dryRun) await dryRun(opened, (repository) => planned(opened, repository, pruneRequest));
      else await runCommand(session, prune, { ...inputs, pruneRequest }, describePruned);
    });
}

async function planned(
  { config, session, hostName }: Awaited<ReturnType<typeof openPoints>>,
  repository: OpenRepository,
  pruneRequest: { readonly grace: string },
) {
  const { pruneDestruction, prunePlan } = await import('../../../steps/prune.ts');
  const { localOf } = await import('../../../steps/repository.ts');
  const { pruneTable } = await import('../../points-text.ts');
  const local = localOf(repository, { stateDir: session.context.stateDir, hostName });
  const plan = await prunePlan(repository, local, { hostName, pruneRequest }, session.signal);
  const asks = plan.remove.some(({ whole }) => whole || config.retention === undefined);
  return { plan, destruction: pruneDestruction(plan, hostName, repository.id), text: pruneTable(plan), asks };
}
