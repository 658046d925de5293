import { Command } from 'commander';
import { type Globals, helpFooter } from '../globals.ts';

export function pointsCommand(): Command {
  return new Command('points')
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(coverageCommand())
    .addCommand(verifyCommand());
}

/** Opens what every one of these commands reads. */
async function openPoints(command: Command) {
  const { configured, openSession, settingsOf } = await import('../session.ts');
  const { hostNameOf } = await import('../requests.ts');
  const globals = command.optsWithGlobals<Globals>();
  const { config, inputs } = await configured(globals);
  const session = openSession(globals, settingsOf(config));
  return { globals, config, inputs, session, hostName: await hostNameOf(config, session.host, session.signal) };
}

function listCommand(): Command {
  return new Command('list')
    .description('the points of this host, oldest first')
    .addHelpText('after', helpFooter(['lifeboat points list', 'lifeboat points list --json'], [0, 1, 2, 4]))
    .action(async (_options: unknown, command: Command) => {
      const { openConfigured } = await import('../../steps/repository.ts');
      const { listPoints } = await import('../../point/records.ts');
      const { errorRecord } = await import('../../kernel/errors.ts');
      const { printResult } = await import('../output.ts');
      const { pointTable } = await import('../present.ts');
      const { globals, config, session, hostName } = await openPoints(command);
      await using _session = session;
      await using repository = await openConfigured(config, session.opening, session.signal);
      const list = await listPoints(repository, hostName, session.signal);
      const document = {
        host: hostName,
        repository: repository.target.url,
        points: list.points.map(({ point, arrivedMs, trust }) => ({
          id: point.id,
          createdAt: point.createdAt,
          arrivedAt: new Date(arrivedMs).toISOString(),
          trust,
          entries: point.data.entries,
          bytes: point.data.bytes,
          storedBytes: point.data.storedBytes,
          findings: point.data.findings.length,
        })),
        damaged: list.damaged.map(({ key, error }) => ({ key, error: errorRecord(error) })),
      };
      printResult(globals.json, document, () => pointTable(list));
      if (list.damaged.length > 0) process.exitCode = 4;
    });
}

function showCommand(): Command {
  return new Command('show')
    .description('one point: what was captured, what is covered and what is not')
    .argument('<point>', 'id of the point, the beginning of it, or "latest"')
    .addHelpText('after', helpFooter(['lifeboat points show latest'], [0, 1, 2]))
    .action(async (name: string, _options: unknown, command: Command) => {
      const { wholePoint } = await import('../points.ts');
      const { printResult } = await import('../output.ts');
      const { pointText } = await import('../present.ts');
      const { globals, config, session } = await openPoints(command);
      await using _session = session;
      const found = await wholePoint(config, name, session);
      const { format: _format, ...captured } = found.captures;
      const document = {
        ...captured,
        ...found.point,
        trust: found.trust,
        arrivedAt: new Date(found.arrivedMs).toISOString(),
      };
      printResult(globals.json, document, () => pointText(found));
    });
}

function coverageCommand(): Command {
  return new Command('coverage')
    .description('everything on this host: held by a point and how old, or not, and why')
    .argument('[point]', 'id of the point, the beginning of it, or "latest"', 'latest')
    .addHelpText('after', helpFooter(['lifeboat points coverage', 'lifeboat points coverage --json'], [0, 1, 2, 130]))
    .action(async (name: string, _options: unknown, command: Command) => {
      const { coverageOfHost } = await import('../coverage.ts');
      const { coverageText, exclusionText } = await import('../../point/coverage-text.ts');
      const { formatDuration } = await import('../../kernel/units.ts');
      const { printResult } = await import('../output.ts');
      const { globals, config, session } = await openPoints(command);
      await using _session = session;
      const { document, missing } = await coverageOfHost(config, name, session, new Date());
      printResult(globals.json, document, () => {
        const { point, items } = document;
        const headline =
          point === undefined
            ? 'There is no point of this host yet: nothing is covered.'
            : `By point ${point.id}, ${formatDuration(point.ageSeconds * 1000)} old (${point.createdAt}):`;
        const total = `${missing} of ${items.length} should be covered and are not, or not wholly.`;
        return `${headline}\n\n${coverageText(items)}${exclusionText(document.excluded)}\n${missing === 0 ? 'Nothing is missing.' : total}`;
      });
    });
}

function verifyCommand(): Command {
  return new Command('verify')
    .description('read every byte of a point back, check it, and put the result on record')
    .argument('<point>', 'id of the point, the beginning of it, or "latest"')
    .addHelpText('after', helpFooter(['lifeboat points verify latest'], [0, 1, 2, 130]))
    .action(async (name: string, _options: unknown, command: Command) => {
      const { runCommand } = await import('../session.ts');
      const { describeVerification } = await import('../present.ts');
      const { verify } = await import('../../../workflows/verify.ts');
      const { inputs, session } = await openPoints(command);
      await using _session = session;
      await runCommand(session, verify, { ...inputs, verifyRequest: { points: [name] } }, describeVerification);
    });
}
