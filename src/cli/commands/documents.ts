/** `layout`, `network` and `facts`: capture this host, show a capture, compare two. None needs a configuration by itself. */
import { Command } from 'commander';
import {
  type DocumentKind,
  factsDocument,
  layoutDocument,
  networkDocument,
  notCompared,
  type Source,
} from '../documents.ts';
import { type Globals, helpFooter } from '../globals.ts';
import type { Session } from '../session.ts';

export const layoutCommand = (): Command => documentCommand(layoutDocument);
export const networkCommand = (): Command => documentCommand(networkDocument);
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
      const { globals, session } = await open(command);
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

const sourceHelp = 'a file, a point ("latest", or the beginning of its id), or "host" for this host as it is now';

function showCommand<D extends Captured>(kind: DocumentKind<D>): Command {
  const show = new Command('show')
    .description(`${kind.what}, for a person`)
    .argument('[source]', sourceHelp, 'host')
    .addHelpText('after', helpFooter(showExamples(kind), [0, 1, 2, 130]));
  if (kind.svg !== undefined) show.option('--svg', 'as a picture, to be opened in a browser');
  return show.action(async (typed: string, { svg }: { svg?: boolean }, command: Command) => {
    const { printResult } = await import('../output.ts');
    const { globals, session, load } = await open(command);
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
      const { globals, session, load } = await open(command);
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

/** A session, and how its documents are come by. The repository is opened only for a point. */
async function open(command: Command) {
  const { existsSync } = await import('node:fs');
  const { readFile } = await import('node:fs/promises');
  const { readDocument, sourceOf } = await import('../documents.ts');
  const { openSession } = await import('../session.ts');
  const globals = command.optsWithGlobals<Globals>();
  const session = openSession(globals);
  const load = async <D extends Captured>(kind: DocumentKind<D>, typed: string): Promise<D> => {
    const source: Source = sourceOf(typed, existsSync);
    if ('host' in source) return await kind.capture(session.host, session.signal);
    if ('file' in source) return await readDocument(kind, source.file, (path) => readFile(path, 'utf8'));
    return kind.ofPoint(await pointOrFile(globals, session, source.point));
  };
  return { globals, session, load };
}

/** What is no point may have been meant for a file. */
async function pointOrFile(globals: Globals, session: Session, name: string) {
  const { asLifeboatError, LifeboatError } = await import('../../kernel/errors.ts');
  try {
    return await pointOf(globals, session, name);
  } catch (error) {
    const { code, message } = asLifeboatError(error);
    if (code !== 'not-found' || name === 'latest') throw error;
    throw new LifeboatError('not-found', `${message}, and there is no such file either`, { cause: error });
  }
}

async function pointOf(globals: Globals, session: Session, name: string) {
  const { configured } = await import('../session.ts');
  const { wholePoint } = await import('../points.ts');
  const { config } = await configured(globals);
  return (await wholePoint(config, name, session)).captures;
}
