/** What leads to repositories on disks, in the rescue system: it asks for it when it starts, and again before a recovery, which may name others. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mountRepositoryDisk, type Reach } from '../rescue/repository-disk.ts';
import { localDirectory } from '../target/targets.ts';
import { layoutDocument, readDocument } from './documents.ts';
import { repositoriesOf, type Sources } from './recover-config.ts';
import type { Session } from './session.ts';

/**
 * @param layoutFile the machine as it was captured, which knows what was mounted where; nothing is done where there is none
 * @returns what a person should know of them
 */
export async function mountRepositories(
  sources: Sources,
  layoutFile: string,
  { host, signal }: Pick<Session, 'host' | 'signal'>,
  reach: Reach = 'servers',
): Promise<readonly string[]> {
  if (!existsSync(layoutFile)) return [];
  const captured = await readDocument(layoutDocument, layoutFile, async (path) => await readFile(path, 'utf8'));
  const told: string[] = [];
  for (const url of await repositoriesOf(sources)) {
    const directory = localDirectory(url);
    const said =
      directory === undefined ? undefined : await mountRepositoryDisk(directory, captured, reach, host, signal);
    if (said !== undefined) told.push(said);
  }
  return told;
}

/** Whether all that are meant are directories that are there: then no network is needed to read them. */
export async function areHere(sources: Sources): Promise<boolean> {
  const directories = (await repositoriesOf(sources)).map(localDirectory);
  if (directories.length === 0) return false;
  return directories.every((one) => one !== undefined && existsSync(join(one, 'lifeboat/repository.json')));
}
