/** Where the documents that a command works on come from: this host, a file, or a point. */
import type { Command } from 'commander';
import type { DocumentKind, notCompared, Source } from './documents.ts';
import type { Globals } from './globals.ts';
import type { Session } from './session.ts';

type Captured = Parameters<typeof notCompared>[0];

export const sourceHelp =
  'a file, a point ("latest", or the beginning of its id), or "host" for this host as it is now';

/** A session, and how its documents are come by. The repository is opened only for a point. */
export async function openDocuments(command: Command) {
  const { existsSync } = await import('node:fs');
  const { readFile } = await import('node:fs/promises');
  const { readDocument, sourceOf } = await import('./documents.ts');
  const { openSession } = await import('./session.ts');
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
  const { asLifeboatError, LifeboatError } = await import('../kernel/errors.ts');
  try {
    return await pointOf(globals, session, name);
  } catch (error) {
    const { code, message } = asLifeboatError(error);
    if (code !== 'not-found' || name === 'latest') throw error;
    throw new LifeboatError('not-found', `${message}, and there is no such file either`, { cause: error });
  }
}

async function pointOf(globals: Globals, session: Session, name: string) {
  const { configured } = await import('./session.ts');
  const { wholePoint } = await import('./points.ts');
  const { config } = await configured(globals);
  return (await wholePoint(config, name, session)).captures;
}
