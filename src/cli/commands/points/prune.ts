import { Command } from 'commander';
import { helpFooter } from '../../globals.ts';
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
      if (globals.dryRun) await dryRun(opened, pruneRequest);
      else await runCommand(session, prune, { ...inputs, pruneRequest }, describePruned);
    });
}

async function dryRun(
  { globals, config, session, hostName }: Awaited<ReturnType<typeof openPoints>>,
  pruneRequest: { readonly grace: string },
): Promise<void> {
  const { openConfigured } = await import('../../../steps/repository.ts');
  const { localOf, pruneDestruction, prunePlan } = await import('../../../steps/forget.ts');
  const { consentDigest } = await import('../../../steps/consent.ts');
  const { printResult } = await import('../../output.ts');
  const { pruneTable } = await import('../../points-text.ts');
  await using repository = await openConfigured(config, session.opening, session.signal);
  const local = localOf(repository, { stateDir: session.context.stateDir, hostName });
  const plan = await prunePlan(repository, local, { hostName, pruneRequest }, Date.now(), session.signal);
  const digest = consentDigest(pruneDestruction(plan, hostName, repository.id).identity);
  printResult(globals.json, { dryRun: true, host: hostName, ...plan, digest }, () =>
    plan.remove.length > 0 && (config.retention === undefined || plan.remove.some(({ whole }) => whole))
      ? `${pruneTable(plan)}\nTo agree: --yes=${digest}`
      : pruneTable(plan),
  );
}
