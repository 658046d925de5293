import { Command } from 'commander';
import type { Entry } from '../../../engine/entry.ts';
import type { ListedPoint } from '../../../point/records.ts';
import type { OpenRepository } from '../../../steps/repository.ts';
import { helpFooter } from '../../globals.ts';
import { openPoints, pointHelp } from './open.ts';

const pathHelp = 'absolute path as it was on the host';

export function lsCommand(): Command {
  return new Command('ls')
    .description('the files of a point')
    .argument('<point>', pointHelp)
    .argument('[path]', pathHelp, '/')
    .option('--long', 'with mode, owner, size and time', false)
    .option('--recursive', 'with everything below', false)
    .addHelpText(
      'after',
      helpFooter(
        ['lifeboat points ls latest /etc', 'lifeboat points ls latest / --recursive --long --json'],
        [0, 1, 2, 130],
      ),
    )
    .action(async (name: string, path: string, options: { long: boolean; recursive: boolean }, command: Command) => {
      const { LifeboatError } = await import('../../../kernel/errors.ts');
      const { findPoint } = await import('../../../point/find.ts');
      const { openConfigured } = await import('../../../steps/repository.ts');
      const { absolutePaths } = await import('../../requests.ts');
      const { printResult } = await import('../../output.ts');
      const { entryLine, isAt, isIn } = await import('../../entries.ts');
      const [typed = '/'] = absolutePaths([path]);
      const { globals, config, session, hostName } = await openPoints(command);
      await using _session = session;
      await using repository = await openConfigured(config, session.opening, session.signal);
      const found = await findPoint(repository, hostName, name, session.signal);
      const shown: Entry[] = [];
      for await (const entry of entriesOf(repository, found, session.signal)) {
        if (
          isAt(entry, typed) ? entry.type !== 'directory' || options.recursive : isIn(entry, typed, options.recursive)
        )
          shown.push(entry);
      }
      if (shown.length === 0 && !(await holds(repository, found, typed, session.signal))) {
        throw new LifeboatError('not-found', `the point ${found.point.id} holds no ${JSON.stringify(typed)}`, {
          hint: `It holds: ${found.point.include.join(' ')}`,
        });
      }
      const sorted = shown.sort((a, b) => (a.path < b.path ? -1 : 1));
      const document = { point: found.point.id, path: typed, entries: sorted };
      printResult(globals.json, document, () => sorted.map((entry) => entryLine(entry, options.long)).join('\n'));
    });
}

/** An empty directory is there too. */
async function holds(
  repository: OpenRepository,
  found: ListedPoint,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { isAt, isIn } = await import('../../entries.ts');
  for await (const entry of entriesOf(repository, found, signal))
    if (isAt(entry, path) || isIn(entry, path, true)) return true;
  return path === '/';
}

function entriesOf(
  { target, engine, keys }: OpenRepository,
  { point }: ListedPoint,
  signal: AbortSignal,
): AsyncIterable<Entry> {
  const job = { target, hostName: point.host.name, pointId: point.id, sealing: keys, stored: point.data.stored };
  return engine.entries(job, signal);
}

export function diffCommand(): Command {
  return new Command('diff')
    .description('what has changed from one point to another: files, and the host itself')
    .argument('<before>', pointHelp)
    .argument('<after>', pointHelp)
    .argument('[path]', `${pathHelp}; only files at and below it`, '/')
    .addHelpText(
      'after',
      helpFooter(
        ['lifeboat points diff 20261119 latest', 'lifeboat points diff 20261119 latest /etc'],
        [0, 1, 2, 3, 130],
      ),
    )
    .action(async (before: string, after: string, path: string, _options: unknown, command: Command) => {
      const { findPoint } = await import('../../../point/find.ts');
      const { openConfigured } = await import('../../../steps/repository.ts');
      const { absolutePaths } = await import('../../requests.ts');
      const { printResult } = await import('../../output.ts');
      const { diffText, fileChanges, hostChanges } = await import('../../point-diff.ts');
      const [typed = '/'] = absolutePaths([path]);
      const { globals, config, session, hostName } = await openPoints(command);
      await using _session = session;
      const { signal } = session;
      await using repository = await openConfigured(config, session.opening, signal);
      const [old, now] = [
        await findPoint(repository, hostName, before, signal),
        await findPoint(repository, hostName, after, signal),
      ];
      const files = await fileChanges(entriesOf(repository, old, signal), entriesOf(repository, now, signal), typed);
      const host = await hostChanges(repository, old.point, now.point, signal);
      const document = {
        format: 'lifeboat.point-changes/1',
        before: old.point.id,
        after: now.point.id,
        path: typed,
        files,
        ...host,
      };
      printResult(globals.json, document, () => diffText(old.point.id, now.point.id, files, host));
      const different = files.length > 0 || host.changes.length > 0;
      if (different) process.exitCode = 3;
    });
}
