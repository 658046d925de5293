import { Command } from 'commander';
import type { OpenRepository } from '../../../steps/repository.ts';
import { helpFooter } from '../../globals.ts';
import { dryRun } from './dry-run.ts';
import { consent, openPoints } from './open.ts';

export function repairCommand(): Command {
  return new Command('repair')
    .description('make lost or damaged records anew out of the data of points, and read that back')
    .option('--unknown-signer', 'also where a record is there and nobody whom we know signed it', false)
    .addHelpText(
      'after',
      `\nA good record is never touched. One that was signed with an older host key or recovery code is good where that is given: try that
before --unknown-signer. What is made anew is signed by this host, though nobody can tell any more who put the data
there: so it needs consent, and the record says that it was rebuilt.\n${helpFooter(
        ['lifeboat points repair --dry-run', 'lifeboat points repair --yes=DIGEST'],
        [0, 1, 2, 4, 5, 6, 130],
      )}`,
    )
    .action(async ({ unknownSigner }: { unknownSigner: boolean }, command: Command) => {
      const { runCommand } = await import('../../session.ts');
      const { describeRepaired } = await import('../../present.ts');
      const { repair } = await import('../../../../workflows/repair.ts');
      const opened = await openPoints(command);
      await using _session = opened.session;
      const { globals, inputs, session } = opened;
      if (globals.dryRun) await dryRun(opened, (repository) => planned(opened, repository, { unknownSigner }));
      else {
        const repairRequest = { unknownSigner, ...consent(globals) };
        await runCommand(session, repair, { ...inputs, repairRequest }, describeRepaired);
      }
    });
}

async function planned(
  { session, hostName }: Awaited<ReturnType<typeof openPoints>>,
  repository: OpenRepository,
  request: { readonly unknownSigner: boolean },
) {
  const { repairDestruction } = await import('../../../steps/repair.ts');
  const { planRepair } = await import('../../../point/repair.ts');
  const { repairTable } = await import('../../points-text.ts');
  const plan = await planRepair(repository, hostName, request, session.signal);
  if (plan.hopeless.length > 0) process.exitCode = 4;
  const destruction = repairDestruction(plan, hostName, repository.id);
  return { plan, destruction, text: repairTable(plan), asks: plan.rebuild.length > 0 };
}
