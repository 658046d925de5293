import { Command } from 'commander';
import { helpFooter } from '../../globals.ts';
import { openPoints, pointHelp } from './open.ts';

export function pinCommand(): Command {
  return new Command('pin')
    .description('keep a point, whatever the rules say, until it is unpinned')
    .argument('<point>', pointHelp)
    .requiredOption('--reason <text>', 'why, for those who find it later')
    .addHelpText('after', helpFooter(['lifeboat points pin latest --reason "before the upgrade"'], [0, 1, 2, 130]))
    .action((name: string, { reason }: { reason: string }, command: Command) =>
      attest('pinned', name, reason, command),
    );
}

export function unpinCommand(): Command {
  return new Command('unpin')
    .description('leave a pinned point to the rules again')
    .argument('<point>', pointHelp)
    .option('--reason <text>', 'why', '')
    .addHelpText('after', helpFooter(['lifeboat points unpin 20261120T020000Z-a1b2c3'], [0, 1, 2, 130]))
    .action((name: string, { reason }: { reason: string }, command: Command) =>
      attest('unpinned', name, reason, command),
    );
}

async function attest(kind: 'pinned' | 'unpinned', name: string, reason: string, command: Command): Promise<void> {
  const { hostIdentity } = await import('../../../host/identity.ts');
  const { putAttestation } = await import('../../../point/attestations.ts');
  const { findPoint } = await import('../../../point/find.ts');
  const { ATTESTATION_FORMAT } = await import('../../../point/point.ts');
  const { openConfigured } = await import('../../../steps/repository.ts');
  const { printResult } = await import('../../output.ts');
  const { version } = await import('../../version.ts');
  const { globals, config, session, hostName } = await openPoints(command);
  await using _session = session;
  const { signal } = session;
  await using repository = await openConfigured(config, session.opening, signal);
  const { id } = (await findPoint(repository, hostName, name, signal)).point;
  const by = { host: (await hostIdentity(session.host, signal)).name, version: version() };
  const pin = { format: ATTESTATION_FORMAT, point: id, at: new Date().toISOString(), by, kind, reason } as const;
  if (!globals.dryRun) await putAttestation(repository, hostName, pin, signal);
  printResult(globals.json, { point: id, [kind]: true, dryRun: globals.dryRun }, () =>
    globals.dryRun ? `Would say of ${id}: ${kind}.` : `Point ${id} is ${kind}.`,
  );
}
