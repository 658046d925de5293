/** `layout`, `network` and `facts`: capture this host, show a capture, compare two. None needs a configuration by itself. */
import { Command } from 'commander';
import { type DocumentKind, factsDocument, layoutDocument, networkDocument, notCompared } from '../documents.ts';
import { helpFooter } from '../globals.ts';
import { openDocuments, sourceHelp } from '../open-documents.ts';
import { layoutApplyCommand } from './layout-apply.ts';
import { layoutPlanCommand } from './layout-plan.ts';
import { networkApplyCommand } from './network-apply.ts';
import { networkPlanCommand } from './network-plan.ts';

export const layoutCommand = (): Command =>
  documentCommand(layoutDocument).addCommand(layoutPlanCommand()).addCommand(layoutApplyCommand());
export const networkCommand = (): Command =>
  documentCommand(networkDocument).addCommand(networkPlanCommand()).addCommand(networkApplyCommand());
export const factsCommand = (): Command => documentCommand(factsDocument);

type Captured = Parameters<typeof notCompared>[0];

function documentCommand<D extends Captured>(kind: DocumentKind<D>): Command {
  return new Command(kind.name)
    .addCommand(captureCommand(kind))
    .addCommand(showCommand(kind))
    .addCommand(diffCommand(kind));
}

function captureCommand<D extends Captured>(kind: DocumentKind<D>): Command {
  return new Command('capture')
    .description(`${kind.what} of this host, as a JSON document`)
    .option('--output <file>', 'write it there instead of to stdout')
    .addHelpText(
      'after',
      helpFooter([`lifeboat ${kind.name} capture --output /root/${kind.name}.json`], [0, 1, 2, 4, 130]),
    )
    .action(async ({ output }: { output?: string }, command: Command) => {
      const { printResult } = await import('../output.ts');
      const { gapLines } = await import('../../host/gap.ts');
      const { printable } = await import('../../kernel/text.ts');
      const { globals, session } = await openDocuments(command);
      await using _session = session;
      if (globals.dryRun) {
        const place = output === undefined ? 'print it' : `write it to ${printable(output)}`;
        printResult(globals.json, { dryRun: true, output }, () => `Would capture the ${kind.name} and ${place}.`);
        return;
      }
      const document = await kind.capture(session.host, session.signal);
      const text = `${JSON.stringify(document, null, 2)}\n`;
      if (output !== undefined) {
        const { writeOutput } = await import('../output-file.ts');
        await writeOutput(output, text);
      }
      const written = { format: document.format, output, gaps: document.gaps };
      if (output === undefined) printResult(true, document, () => text);
      else
        printResult(globals.json, written, () =>
          [`Captured to ${printable(output)}.`, ...gapLines(document.gaps)].join('\n'),
        );
      if (document.gaps.length > 0) process.exitCode = 4;
    });
}

function showCommand<D extends Captured>(kind: DocumentKind<D>): Command {
  const show = new Command('show')
    .description(`${kind.what}, for a person`)
    .argument('[source]', sourceHelp, 'host')
    .addHelpText('after', helpFooter(showExamples(kind), [0, 1, 2, 130]));
  if (kind.svg !== undefined) show.option('--svg', 'as a picture, to be opened in a browser');
  return show.action(async (typed: string, { svg }: { svg?: boolean }, command: Command) => {
    const { printResult } = await import('../output.ts');
    const { globals, session, load } = await openDocuments(command);
    await using _session = session;
    const document = await load(kind, typed);
    const text = svg === true && kind.svg !== undefined ? await kind.svg(document) : await kind.text(document);
    printResult(globals.json, document, () => text);
  });
}

function showExamples({ name, svg }: { readonly name: string; readonly svg?: unknown }): string[] {
  return [
    `lifeboat ${name} show`,
    `lifeboat ${name} show latest`,
    `lifeboat ${name} show --json`,
    ...(svg === undefined ? [] : [`lifeboat ${name} show --svg > ${name}.svg`]),
  ];
}

function diffCommand<D extends Captured>(kind: DocumentKind<D>): Command {
  return new Command('diff')
    .description('what has changed from one capture to another, by what it would mean for a recovery')
    .argument('[before]', sourceHelp, 'latest')
    .argument('[after]', sourceHelp, 'host')
    .addHelpText(
      'after',
      helpFooter(
        [
          `lifeboat ${kind.name} diff`,
          `lifeboat ${kind.name} diff monday.json friday.json`,
          `lifeboat ${kind.name} diff 20261120 latest`,
        ],
        [0, 1, 2, 3, 130],
      ),
    )
    .action(async (before: string, after: string, _options: unknown, command: Command) => {
      const { printResult } = await import('../output.ts');
      const { changesText } = await import('../changes.ts');
      const { globals, session, load } = await openDocuments(command);
      await using _session = session;
      const [old, now] = [await load(kind, before), await load(kind, after)];
      const changes = await kind.changes(old, now);
      const unseen = notCompared(old, now);
      const document = {
        format: 'lifeboat.changes/1',
        of: kind.name,
        before: { source: before, capturedAt: old.capturedAt },
        after: { source: after, capturedAt: now.capturedAt },
        changes,
        notCompared: unseen,
      };
      printResult(globals.json, document, () =>
        changes.length === 0 && unseen.length === 0
          ? `Nothing has changed between ${before} (${old.capturedAt}) and ${after} (${now.capturedAt}).`
          : changesText(changes, unseen),
      );
      if (changes.length > 0) process.exitCode = 3;
    });
}
