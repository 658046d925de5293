/** What the rescue system says to a recovery: what the loader told, and which medium it is. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readIfThere } from '../kernel/read-if-there.ts';
import { mediumSchema } from '../media/medium.ts';
import type { ConsentPolicy } from '../layout/rebuild/policy.ts';
import { parseWords, type RescueWords } from '../rescue/words.ts';
import { defaultConfig, type Globals } from './globals.ts';

export interface Surroundings {
  readonly words: Pick<RescueWords, 'point' | 'repository'>;
  /** Besides that of the configuration: all have to agree. */
  readonly policies: readonly (ConsentPolicy | 'ask')[];
  /** Id of the medium; absent elsewhere than in a rescue system. */
  readonly medium?: string;
  /** The configuration is that of the medium, which says that it was signed. */
  readonly signed?: boolean;
}

/** What was typed counts before what the loader told. */
export async function rescueSurroundings({
  repository,
  config,
}: Pick<Globals, 'repository' | 'config'>): Promise<Surroundings> {
  const text = await readIfThere('/etc/lifeboat/medium.json');
  if (text === undefined) return { words: {}, policies: [] };
  const { id, signed = false } = mediumSchema.parse(JSON.parse(text.toString()));
  const { point, repository: told, consent } = parseWords(await readFile('/proc/cmdline', 'utf8'));
  const words = {
    ...(point === undefined ? {} : { point }),
    ...(told === undefined || repository !== undefined ? {} : { repository: told }),
  };
  // Who types another repository or configuration means that one.
  const isOwn = repository === undefined && resolve(config) === defaultConfig;
  return { words, policies: consent, medium: id, signed: signed && isOwn };
}
