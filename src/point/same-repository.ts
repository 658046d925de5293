/**
 * The id of the repository that this host found at a URL. What a host knows of its points is kept under it: a marker that was
 * replaced would detach it from that without a word.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { makeDirectory, writeFileAtomic } from '../kernel/atomic-write.ts';
import { parseDocument } from '../kernel/document.ts';
import { explaining, hasErrno, LifeboatError } from '../kernel/errors.ts';

const FORMAT = 'lifeboat.repositories/1';
const schema = z.object({ format: z.literal(FORMAT), ids: z.record(z.string(), z.string()) });

export interface Identified {
  readonly url: string;
  readonly id: string;
}

/** @throws LifeboatError `untrusted` when this host has found another one there before */
export async function checkSameRepository(stateDir: string, { url, id }: Identified): Promise<void> {
  const path = pathIn(stateDir);
  const known = (await idsIn(path))[url];
  if (known === undefined || known === id) return;
  throw new LifeboatError('untrusted', `the repository at ${url} has the id ${id}, and had ${known} before`, {
    hint: `Somebody replaced it, or its marker lifeboat/repository.json. If it was you, remove its line in ${path}.`,
  });
}

/** {@link checkSameRepository}, and remembers one that is new here. */
export async function rememberRepository(stateDir: string, { url, id }: Identified): Promise<void> {
  await checkSameRepository(stateDir, { url, id });
  const path = pathIn(stateDir);
  const ids = await idsIn(path);
  if (ids[url] === id) return;
  await explaining(`create ${stateDir}`, async () => await makeDirectory(stateDir, 0o700));
  await writeFileAtomic(path, `${JSON.stringify({ format: FORMAT, ids: { ...ids, [url]: id } }, null, 2)}\n`);
}

function pathIn(stateDir: string): string {
  return join(stateDir, 'repositories.json');
}

async function idsIn(path: string): Promise<Readonly<Record<string, string>>> {
  try {
    return parseDocument(await readFile(path), schema, FORMAT, path).ids;
  } catch (error) {
    if (hasErrno(error, 'ENOENT') || hasErrno(error, 'EACCES')) return {};
    throw error;
  }
}
