import { Command } from 'commander';
import type { Change } from '../../kernel/change.ts';
import type { Captures } from '../../point/captures.ts';
import type { Point } from '../../point/point.ts';
import { type DocumentKind, factsDocument, layoutDocument, networkDocument, notCompared } from '../documents.ts';
import { type Globals, helpFooter } from '../globals.ts';
import type { Session } from '../session.ts';

export function checkCommand(): Command {
  return new Command('check')
    .argument('[point]', 'id of a point, the beginning of it, or "latest"', 'latest')
    .addHelpText(
      'after',
      `\nThe host is captured and compared with the newest point: its disks, its network, and what it is; and with the newest rescue
medium that was made here, if one was. Files are not compared. It is quick enough to be run every quarter of an hour:

  */15 * * * *  root  lifeboat --quiet check

A medium that does not fit any more is made anew by: lifeboat rescue build --when-stale --prove …\n${helpFooter(['lifeboat check', 'lifeboat check --json'], [0, 1, 2, 3, 130])}`,
    )
    .action(async (name: string, _options: unknown, command: Command) => {
      const { configured, openSession } = await import('../session.ts');
      const { wholePoint } = await import('../points.ts');
      const { printResult } = await import('../output.ts');
      const { changesText } = await import('../changes.ts');
      const globals = command.optsWithGlobals<Globals>();
      const { config } = await configured(globals);
      await using session = openSession(globals);
      const { mediumState, mediumText } = await import('../rescue-stale.ts');
      const found = await wholePoint(config, name, session);
      const [layout, network, facts] = await Promise.all([
        compare(layoutDocument, found.captures, session),
        compare(networkDocument, found.captures, session),
        compare(factsDocument, found.captures, session),
      ]);
      const compared = [layout, network, facts];
      const changes = compared.flatMap((one) => one.changes);
      const unseen = compared.flatMap((one) => one.unseen);
      const medium = await mediumState(session, { layout: layout.after, network: network.after });
      const stale = medium?.stale ?? [];
      const { id, createdAt } = found.point;
      const document = {
        format: 'lifeboat.check/1',
        point: { id, createdAt, trust: found.trust },
        drifted: changes.length > 0,
        ...Object.fromEntries(compared.map((one) => [one.name, one.changes])),
        notCompared: unseen,
        ...(medium === undefined ? {} : { medium }),
      };
      const quiet = globals.quiet && changes.length === 0 && stale.length === 0 && !globals.json;
      if (!quiet) {
        printResult(globals.json, document, () =>
          [headline(changes, found.point), changesText(changes, unseen), mediumText(medium)]
            .filter((part) => part !== '')
            .join('\n\n'),
        );
      }
      if (changes.length > 0 || stale.length > 0) process.exitCode = 3;
    });
}

async function compare<D extends Parameters<typeof notCompared>[0]>(
  kind: DocumentKind<D>,
  captures: Captures,
  { host, signal }: Session,
) {
  const before = kind.ofPoint(captures);
  const after = await kind.capture(host, signal);
  return {
    name: kind.name,
    after,
    changes: await kind.changes(before, after),
    unseen: notCompared(before, after).map((line) => `${kind.name}: ${line}`),
  };
}

function headline(changes: readonly Change[], { id, createdAt }: Point): string {
  const point = `point ${id} (${createdAt})`;
  if (changes.length === 0) return `This host is as it was in ${point}.`;
  const many = changes.length === 1 ? 'One thing has' : `${changes.length} things have`;
  return `${many} changed since ${point}. A new backup takes them up.`;
}
