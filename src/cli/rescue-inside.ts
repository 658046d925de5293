/** What commands do in the rescue system, of what lies there. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { networkDocument, readDocument } from './documents.ts';
import { bringUpNetwork } from '../rescue/network.ts';
import { parseWords, type RescueWords } from '../rescue/words.ts';
import type { Session } from './session.ts';

/** What is known of the network, for the menu. */
export const networkNote = '/run/lifeboat/network';

export const rescueWords = async (): Promise<RescueWords> => parseWords(await readFile('/proc/cmdline', 'utf8'));

/** @param file the network as it was captured; DHCP where there is no such file */
export async function networkOfRescue(file: string, { host, signal }: Session): Promise<readonly string[]> {
  const read = async (path: string) => await readFile(path, 'utf8');
  const wanted = existsSync(file) ? await readDocument(networkDocument, file, read) : undefined;
  const told = await bringUpNetwork(host, wanted, await rescueWords(), signal);
  await mkdir(dirname(networkNote), { recursive: true });
  await writeFile(networkNote, told.map((line) => `${line}\n`).join(''));
  return told;
}
