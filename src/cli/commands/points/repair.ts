import { Command } from 'commander';
import { helpFooter } from '../../globals.ts';
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
      if (globals.dryRun) await dryRun(opened, { unknownSigner });
      else {
        const repairRequest = { unknownSigner, ...consent(globals) };
        await runCommand(session, repair, { ...inputs, repairRequest }, describeRepaired);
      }
    });
}

async function dryRun(
  { globals, config, session, hostName }: Awaited<ReturnType<typeof openPoints>>,
  request: { readonly unknownSigner: boolean },
): Promise<void> {
  const { openConfigured } = await import('../../../steps/repository.ts');
  const { repairDestruction } = await import('../../../steps/repair.ts');
  const { planRepair } = await import('../../../point/repair.ts');
  const { consentDigest, destructionText } = await import('../../../steps/consent.ts');
  const { printable } = await import('../../../kernel/text.ts');
  const { printResult } = await import('../../output.ts');
  await using repository = await openConfigured(config, session.opening, session.signal);
  const plan = await planRepair(repository, hostName, request, session.signal);
  const destruction = repairDestruction(plan, hostName, repository.id);
  const digest = consentDigest(destruction.identity);
  const hopeless = plan.hopeless.map(({ id, problem }) => `  ! cannot be rebuilt: ${id}: ${printable(problem)}`);
  printResult(globals.json, { dryRun: true, host: hostName, ...plan, digest }, () =>
    [destructionText(destruction), ...hopeless].join('\n'),
  );
  if (plan.hopeless.length > 0) process.exitCode = 4;
}
