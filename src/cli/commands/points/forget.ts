import { Command } from 'commander';
import type { OpenRepository } from '../../../steps/repository.ts';
import { helpFooter } from '../../globals.ts';
import { dryRun } from './dry-run.ts';
import { consent, openPoints } from './open.ts';

export function forgetCommand(): Command {
  return new Command('forget')
    .description('forget points, by the rules of the configuration or by name: their records, and then their data')
    .argument('[point...]', 'ids of points, or beginnings of them')
    .option('--policy', 'by the section "retention" of the configuration, which is consent to it', false)
    .addHelpText(
      'after',
      `\nNever forgotten are pinned points, those of odd dates, what a kept point builds upon, and the minimum of verified ones.
Points that are named are forgotten whatever the rules say; that needs consent.\n${helpFooter(
        [
          'lifeboat points forget --policy --dry-run',
          'lifeboat points forget --policy',
          'lifeboat points forget 20261120T020000Z-a1b2c3 --dry-run',
          'lifeboat points forget 20261120T020000Z-a1b2c3 --yes=DIGEST',
        ],
        [0, 1, 2, 4, 5, 6, 130],
      )}`,
    )
    .action(async (points: string[], { policy }: { policy: boolean }, command: Command) => {
      const { LifeboatError } = await import('../../../kernel/errors.ts');
      const { runCommand } = await import('../../session.ts');
      const { describeForgotten } = await import('../../present.ts');
      const { forget } = await import('../../../../workflows/forget.ts');
      if (policy === points.length > 0) {
        throw new LifeboatError('usage', 'name the points to forget, or give --policy', {
          hint: 'To see what the rules would forget: lifeboat points forget --policy --dry-run',
        });
      }
      const opened = await openPoints(command);
      await using _session = opened.session;
      const { globals, inputs, session } = opened;
      const forgetRequest = { points, ...consent(globals) };
      if (globals.dryRun) await dryRun(opened, (repository) => planned(opened, repository, forgetRequest));
      else await runCommand(session, forget, { ...inputs, forgetRequest }, describeForgotten);
    });
}

async function planned(
  { config, session, hostName }: Awaited<ReturnType<typeof openPoints>>,
  repository: OpenRepository,
  forgetRequest: { readonly points: readonly string[] },
) {
  const { forgetDestruction, forgetPlan } = await import('../../../steps/forget.ts');
  const { localOf } = await import('../../../steps/repository.ts');
  const { forgetTable } = await import('../../points-text.ts');
  const local = localOf(repository, { stateDir: session.context.stateDir, hostName });
  const plan = await forgetPlan(repository, local, { config, hostName, forgetRequest }, session.signal);
  const asks = forgetRequest.points.length > 0 && plan.forget.length > 0;
  const destruction = forgetDestruction(plan, hostName, repository.id);
  return { plan, destruction, text: forgetTable(plan), asks };
}
