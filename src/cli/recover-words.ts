/** What the rescue system says to a recovery: what the loader told, and which medium it is. */
import { readFile } from 'node:fs/promises';
import { readIfThere } from '../kernel/read-if-there.ts';
import { mediumSchema } from '../media/medium.ts';
import type { ConsentPolicy } from '../layout/rebuild/policy.ts';
import { parseWords, type RescueWords } from '../rescue/words.ts';
import type { Globals } from './globals.ts';

export interface Surroundings {
  readonly words: Pick<RescueWords, 'point' | 'repository'>;
  /** Besides that of the configuration: all have to agree. */
  readonly policies: readonly (ConsentPolicy | 'ask')[];
  /** Id of the medium; absent elsewhere than in a rescue system. */
  readonly medium?: string;
}

/** What was typed counts before what the loader told. */
export async function rescueSurroundings({ repository }: Pick<Globals, 'repository'>): Promise<Surroundings> {
  const text = await readIfThere('/etc/lifeboat/medium.json');
  if (text === undefined) return { words: {}, policies: [] };
  const { id } = mediumSchema.parse(JSON.parse(text.toString()));
  const { point, repository: told, consent } = parseWords(await readFile('/proc/cmdline', 'utf8'));
  const words = {
    ...(point === undefined ? {} : { point }),
    ...(told === undefined || repository !== undefined ? {} : { repository: told }),
  };
  return { words, policies: consent, medium: id };
}
