import { Command } from 'commander';
import type { Recovered } from '../../../point/point.ts';
import type { OpenRepository } from '../../../steps/repository.ts';
import { helpFooter } from '../../globals.ts';
import { openPoints, pointHelp } from './open.ts';

export function listCommand(): Command {
  return new Command('list')
    .description('the points of this host in the order in which they arrived')
    .addHelpText('after', helpFooter(['lifeboat points list', 'lifeboat points list --json'], [0, 1, 2, 4, 130]))
    .action(async (_options: unknown, command: Command) => {
      const { openConfigured } = await import('../../../steps/repository.ts');
      const { cannotRead } = await import('../../../point/records.ts');
      const { globals, config, session, hostName } = await openPoints(command);
      await using _session = session;
      await using repository = await openConfigured(config, session.opening, session.signal);
      const asked = {
        repository,
        hostName,
        stateDir: session.context.stateDir,
        json: globals.json,
        signal: session.signal,
      };
      await (cannotRead(repository) ? listSealed(asked) : list(asked));
    });
}

interface Asked {
  readonly repository: OpenRepository;
  readonly hostName: string;
  readonly stateDir: string;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

async function list({ repository, hostName, stateDir, json, signal }: Asked): Promise<void> {
  const { listPoints } = await import('../../../point/records.ts');
  const { oddDates } = await import('../../../point/retention.ts');
  const { errorRecord } = await import('../../../kernel/errors.ts');
  const { printResult } = await import('../../output.ts');
  const { pointTable } = await import('../../points-text.ts');
  const found = await listPoints(repository, hostName, signal);
  const { listFindings } = await import('../../points.ts');
  const ids = found.points.map(({ point }) => point.id);
  const findings = await listFindings(repository, hostName, stateDir, ids, signal);
  const odd = oddDates(found.points, Date.now());
  const document = {
    host: hostName,
    repository: repository.target.url,
    points: found.points.map(({ point, arrivedMs, trust, verification, pin, recovered, restored }) => ({
      id: point.id,
      createdAt: point.createdAt,
      arrivedAt: new Date(arrivedMs).toISOString(),
      trust,
      verifiedAt: verification?.at,
      depth: verification?.depth,
      lastDrill: recovered && drillOf(recovered),
      lastFilesDrill: restored && drillOf(restored),
      base: point.data.base,
      needs: point.data.references,
      pinned: pin?.reason,
      oddDate: odd.get(point.id),
      rebuilt: point.rebuilt?.at,
      entries: point.data.entries,
      bytes: point.data.bytes,
      storedBytes: point.data.storedBytes,
      findings: point.data.findings.length,
    })),
    damaged: found.damaged.map(({ key, error }) => ({ key, error: errorRecord(error) })),
    unknown: found.unknown ?? [],
    findings,
  };
  printResult(json, document, () => pointTable(found, odd, findings));
  if (found.damaged.length + findings.length > 0) process.exitCode = 4;
}

function drillOf({ at, how, what, result, problem, seconds, rpoSeconds }: Recovered) {
  return { at, how, what, result, problem, rtoSeconds: seconds, rpoSeconds };
}

/** What can be said without a key. */
async function listSealed({ repository, hostName, stateDir, json, signal }: Asked): Promise<void> {
  const { listFolder } = await import('../../../point/record-objects.ts');
  const { nameIn } = await import('../../../point/names.ts');
  const { printResult } = await import('../../output.ts');
  const { sealedTable } = await import('../../points-text.ts');
  const found = (await listFolder(repository.target, hostName, 'points', signal)).flatMap((one) => {
    const id = nameIn(hostName, 'points', one.key);
    return id === undefined ? [] : [{ ...one, id }];
  });
  const { listFindings } = await import('../../points.ts');
  const ids = found.map(({ id }) => id);
  const findings = await listFindings(repository, hostName, stateDir, ids, signal);
  const points = found.map(({ id, mtimeMs, size }) => ({ id, arrivedAt: new Date(mtimeMs).toISOString(), size }));
  const document = {
    host: hostName,
    repository: repository.target.url,
    readable: false,
    points,
    damaged: [],
    findings,
  };
  printResult(json, document, () => sealedTable(found, findings));
  if (findings.length > 0) process.exitCode = 4;
}

export function showCommand(): Command {
  return new Command('show')
    .description('one point: what was captured, what is covered and what is not')
    .argument('<point>', pointHelp)
    .addHelpText('after', helpFooter(['lifeboat points show latest'], [0, 1, 2, 130]))
    .action(async (name: string, _options: unknown, command: Command) => {
      const { wholePoint } = await import('../../points.ts');
      const { printResult } = await import('../../output.ts');
      const { pointText } = await import('../../point-text.ts');
      const { globals, config, session } = await openPoints(command);
      await using _session = session;
      const found = await wholePoint(config, name, session);
      const { format: _format, ...captured } = found.captures;
      const document = {
        ...captured,
        ...found.point,
        trust: found.trust,
        verification: found.verification,
        recovered: found.recovered,
        restored: found.restored,
        pinned: found.pin?.reason,
        arrivedAt: new Date(found.arrivedMs).toISOString(),
      };
      printResult(globals.json, document, () => pointText(found));
    });
}

export function coverageCommand(): Command {
  return new Command('coverage')
    .description('everything on this host: held by a point and how old, or not, and why')
    .argument('[point]', pointHelp, 'latest')
    .addHelpText('after', helpFooter(['lifeboat points coverage', 'lifeboat points coverage --json'], [0, 1, 2, 130]))
    .action(async (name: string, _options: unknown, command: Command) => {
      const { coverageOfHost } = await import('../../coverage.ts');
      const { coverageText, exclusionText } = await import('../../../point/coverage-text.ts');
      const { formatDuration } = await import('../../../kernel/units.ts');
      const { printResult } = await import('../../output.ts');
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
